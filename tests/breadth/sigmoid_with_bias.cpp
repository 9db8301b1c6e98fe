// Balance without a loss (Wang et al. 2024): experts do not compete, and a bias that only the choice sees sinks after
// the step for those that were asked too often.
#include "breadth/check.hpp"

using namespace gmoe;

namespace {

struct own_sigmoid_score {
  using slot = slots::score;
  template <class B>
  variable<B> scores(const place<B>&, const routing<B>& r) const {
    return sigmoid(r.logits);
  }
};

struct own_biased_top_k {
  using slot = slots::select;
  index_t k = 2;
  double rate = 0.1;
  static constexpr auto fields =
      std::tuple{field{"k", &own_biased_top_k::k, "experts per token", at_least(1)},
                 field{"rate", &own_biased_top_k::rate, "of the bias, per step", at_least(0)}};

  template <class B>
  struct layer {
    buffer<B> bias;  // 1 x N
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.constant_buffer("bias", 1, l.experts, 0)};
  }
  index_t at_most(const layer_shape&) const { return k; }
  template <class B>
  id_matrix<B> choose(const place<B>& at, const routing<B>& r, const auto& my) const {
    return choose_top_k(add_row(at.constant(r.scores.value()), at.constant(my.layer.bias.value())).value(), k);
  }
  template <class B>
  void after_step(std::int64_t, const layer_statistics<B>& seen, const auto& my) const {
    auto bias = my.layer.bias.value().to_host();
    const double even = static_cast<double>(seen.pairs) / static_cast<double>(bias.size());
    for (std::size_t e = 0; e < bias.size(); ++e)
      bias[e] -= rate * ((static_cast<double>(seen.load[e]) > even) - (static_cast<double>(seen.load[e]) < even));
    my.layer.bias.value() = matrix<B>::from_host(bias, 1, static_cast<index_t>(bias.size()));
  }
};

using loss_free = with<smoe_card, own_sigmoid_score, own_biased_top_k, no_balance>;

}  // namespace

TEST_CASE("breadth/sigmoid_with_bias: gradients, and the bias follows the load") {
  const auto found = gmoe_test::check_gradients_of<loss_free>();
  language_model<loss_free, gmoe_test::model_backend> model(gmoe_test::small_sizes());
  const auto seen = gmoe_test::one_pass(model);
  const auto load = seen.of(0, 4).load;
  model.after_step(0, seen);
  const auto bias = model.moe().mine<slots::select>(0).layer.bias.value().to_host();
  for (std::size_t e = 0; e < 4; ++e) CHECK(bias[e] == doctest::Approx(load[e] > 5 ? -0.1 : load[e] < 5 ? 0.1 : 0));
}
