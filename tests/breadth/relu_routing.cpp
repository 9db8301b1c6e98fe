// ReLU routing (Wang et al. 2024): the experts with a positive score, however many; a loss on the scores whose
// weight is steered after every step towards the wanted number.
#include "breadth/check.hpp"

using namespace gmoe;

namespace {
struct own_relu_score {
  using slot = slots::score;
  template <class B>
  variable<B> scores(const place<B>&, const routing<B>& r) const {
    return relu(r.logits);
  }
};

struct own_positive {
  using slot = slots::select;
  index_t at_most(const layer_shape& l) const { return l.experts; }
  template <class B>
  id_matrix<B> choose(const place<B>&, const routing<B>& r) const {
    return choose_above(r.scores.value(), 0, r.experts);
  }
};

/// A fifth more or less after every step.
struct own_steered_sparsity {
  using slot = slots::balance;
  double k = 1;
  static constexpr auto fields =
      std::tuple{field{"k", &own_steered_sparsity::k, "experts per token aimed at", above(0)}};
  template <class B>
  struct layer {
    buffer<B> weight;  // 1 x 1
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape&) const {
    return {make.constant_buffer("weight", 1, 1, 0.01)};
  }
  template <class B>
  variable<B> layer_loss(const place<B>& at, const routing<B>& r, const auto& my) const {
    return scale_by(at.constant(my.layer.weight.value()), sum(col_means(r.scores)));
  }
  template <class B>
  void after_step(std::int64_t, const layer_statistics<B>& seen, const auto& my) const {
    const bool many = static_cast<double>(seen.pairs) > k * static_cast<double>(seen.tokens);
    my.layer.weight.value() = matrix<B>::filled(1, 1, my.layer.weight.value().item() * (many ? 1.2 : 1 / 1.2));
  }
};

using relu_card = with<smoe_card, own_relu_score, own_positive, selected_score, own_steered_sparsity>;
}  // namespace

TEST_CASE("breadth/relu_routing: gradients, tokens without an expert, and a weight that is steered") {
  gmoe_test::check_gradients_of<relu_card>();
  language_model<relu_card, gmoe_test::model_backend> model(gmoe_test::small_sizes());
  const auto seen = gmoe_test::one_pass(model);
  const auto all = seen.of(0, 4);
  model.after_step(0, seen);
  CHECK(model.moe().mine<slots::balance>(0).layer.weight.value().item() ==
        doctest::Approx(all.pairs > all.tokens ? 0.012 : 0.01 / 1.2));
}
