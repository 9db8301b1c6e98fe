// ReLU routing (Wang et al. 2024): the experts with a positive score, however many; a loss on the scores whose weight
// is steered after every step towards the wanted number.
#include <doctest/doctest.h>

#include "breadth/check.hpp"

using namespace gmoe;

namespace {

struct relu_score {
  using slot = slots::score;
  template <class B>
  variable<B> scores(const place<B>&, const routing<B>& r) const {
    return relu(r.logits);
  }
};

struct positive {
  using slot = slots::select;
  index_t at_most(const layer_shape& l) const { return l.experts; }
  template <class B>
  id_matrix<B> choose(const place<B>&, const routing<B>& r) const {
    return choose_above(r.scores.value(), 0, r.experts);
  }
};

struct steered_sparsity {
  using slot = slots::balance;
  double k = 1, start = 0.01, factor = 1.2;
  static constexpr auto fields =
      std::tuple{field{"k", &steered_sparsity::k, "experts per token aimed at", above(0)},
                 field{"start", &steered_sparsity::start, "first weight", above(0)},
                 field{"factor", &steered_sparsity::factor, "of the weight, per step", above(1)}};
  template <class B>
  struct layer {
    buffer<B> weight;  // 1 x 1
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape&) const {
    return {make.constant_buffer("weight", 1, 1, start)};
  }
  template <class B>
  variable<B> layer_loss(const place<B>& at, const routing<B>& r, const auto& my) const {
    return scale_by(at.constant(my.layer.weight.value()),
                    scale(sum(r.scores), 1.0 / static_cast<double>(r.scores.rows())));
  }
  template <class B>
  void after_step(std::int64_t, const layer_statistics<B>& seen, const auto& my) const {
    const bool many = static_cast<double>(seen.pairs) > k * static_cast<double>(seen.tokens);
    const auto w = my.layer.weight.value().item() * (many ? factor : 1 / factor);
    my.layer.weight.value() = matrix<B>::filled(1, 1, static_cast<typename B::scalar>(w));
  }
};

using relu_card = with<smoe_card, relu_score, positive, selected_score, steered_sparsity>;

}  // namespace

TEST_CASE("breadth/relu_routing: gradients, tokens without an expert, and a weight that is steered") {
  gmoe_test::check_gradients_of<relu_card>();
  language_model<relu_card, gmoe_test::model_backend> model(gmoe_test::small_sizes());
  step_statistics<gmoe_test::model_backend> seen;
  seen.add(gmoe_test::losses_of(model, gmoe_test::text(2, 5, 11), true).found);
  const auto all = seen.of(0, 4);
  model.after_step(0, seen);
  CHECK(model.moe().mine<slots::balance>(0).layer.weight.value().item() ==
        doctest::Approx(all.pairs > all.tokens ? 0.012 : 0.01 / 1.2));
}
