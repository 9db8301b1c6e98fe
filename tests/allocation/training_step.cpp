// A training step in its steady state takes nothing from the heap: tape, activations, gradients and scratch memory are
// reused. Products by Eigen: what another provider allocates inside a product (oneDNN's packing buffers) is not ours to
// count.

#undef GMOE_GEMM_ONEDNN
#undef GMOE_GEMM_BLAS

#include <doctest/doctest.h>

#include "allocation/count.hpp"
#include "gmoe/backend/cpu.hpp"
#include "gmoe/model/cards/gmoe.hpp"
#include "gmoe/model/cards/gshard.hpp"
#include "gmoe/model/language_model.hpp"

using namespace gmoe;

namespace {

/// The usual weights; besides, all that a policy may leave for others in a pass.
struct noting_gate {
  using slot = slots::gate;
  template <class B>
  variable<B> weights(const place<B>& at, const routing<B>& r) const {
    const variable<B> w = gather_elements(r.scores, r.chosen);
    at.found->routings.back().note("weights before", w);
    at.add_loss("weight", scale(sum(square(w)), 1e-4));
    matrix<B> row(1, r.experts);
    B::count_choices(row.view(), typename B::scalar(1), r.chosen.view());
    at.add_statistic("asked", std::move(row));
    return r.noted("weights before");
  }
};

/// As many experts as it takes to a sum of scores, which differs from step to step, and with it the number of pairs.
struct changing_number {
  using slot = slots::select;
  static constexpr double sums[] = {0.85, 0.25, 0.6, 0.3, 0.7, 0.1, 0.8, 0.5};
  index_t at_most(const layer_shape& l) const { return l.experts; }
  template <class B>
  id_matrix<B> choose(const place<B>& at, const routing<B>& r) const {
    return choose_top_p(r.scores.value(), sums[at.step % 8], r.experts);
  }
};

template <class Card>
void check_steady_state(int threads) {
  language_model<Card, cpu<float>> model(gmoe_test::medium_sizes());
  gmoe_test::check_steps(model, threads);
}

}  // namespace

TEST_CASE("allocation/training_step: GMoE allocates nothing after its first steps") {
  for (int threads : {1, 2}) check_steady_state<gmoe_card>(threads);
}

TEST_CASE("allocation/training_step: nor do experts with a capacity, two choices and dense blocks between") {
  check_steady_state<gshard_card>(2);
}

TEST_CASE("allocation/training_step: nor do pairs whose number differs from step to step") {
  check_steady_state<with<smoe_card, changing_number>>(1);
}

TEST_CASE("allocation/training_step: nor do policies that note, add losses and count") {
  check_steady_state<with<smoe_card, noting_gate>>(2);
}
