// A router of your own: the parameters of one layer, and the forward equation. Its gradient comes from the tape.
// Usage: custom_router TEXT
#include <gmoe/gmoe.hpp>
#include <iostream>

// [router]
/// z_i = cos(x, key_i) / temperature: tokens are compared with learned keys by direction alone.
struct cosine_router {
  using slot = gmoe::slots::router;
  double temperature = 0.3;
  static constexpr auto fields = std::tuple{
      gmoe::field{"temperature", &cosine_router::temperature, "of the scores: the smaller, the surer", gmoe::above(0)}};

  template <class B>
  struct layer {
    gmoe::parameter<B> keys;  // experts x d_model
  };
  template <class B>
  layer<B> make_layer(const gmoe::builder<B>& make, const gmoe::layer_shape& l) const {
    return {make.normal("keys", l.columns, l.d_model, l.initializer_range)};
  }

  template <class B>
  gmoe::variable<B> logits(const gmoe::place<B>& at, const gmoe::variable<B>& x, const auto& my) const {
    const auto tokens = normalize_lengths(x), experts = normalize_lengths(at.use(my.layer.keys));
    return scale(matmul(tokens, experts, gmoe::op::transpose), 1 / temperature);
  }
};

using my_card = gmoe::with<gmoe::gmoe_card, cosine_router>;  // GMoE with another router: one line
// [/router]

// [check]
/// Largest difference between the tape's gradients and finite differences, relative to the largest gradient.
double check() {
  using B = gmoe::cpu<double>;
  gmoe::language_model<my_card, B> model{{.vocab = 11,
                                          .positions = 4,
                                          .d_model = 6,
                                          .layers = 2,
                                          .heads = 2,
                                          .d_ff = 8,
                                          .experts = 3,
                                          .initializer_range = 0.3}};
  gmoe::batch<B> data;
  data.assign(std::vector<gmoe::id_type>{1, 2, 3, 4, 5, 6, 7, 8}, std::vector<gmoe::id_type>{2, 3, 4, 5, 6, 7, 8, 9}, 2,
              11);
  const auto loss = [&](gmoe::tape<B>* tape) {
    gmoe::context<B> ctx{.tape = tape};
    return model.loss(ctx, data).total;
  };
  return gmoe::check_gradients(model.parameters(), loss).worst;
}
// [/check]

int main(int argc, char** argv) try {
  const double error = check();
  std::cout << "gradient check: " << error << "\n";
  const auto text = gmoe::corpus::read(argc > 1 ? argv[1] : "text.txt");
  gmoe::language_model<my_card, gmoe::cpu<float>> model{{.d_model = 64, .layers = 3, .experts = 4}};
  std::cout << "perplexity " << gmoe::train(model, text.bytes(), {.steps = 300}).perplexity() << "\n";
  return error < 1e-6 ? 0 : 1;
} catch (const std::exception& e) {
  std::cerr << "custom_router: " << e.what() << "\n";
  return 1;
}
