#pragma once
/// A loss on the sum of scores whose weight is steered so that tokens ask k experts on average (ReMoE, Wang et al.
/// 2025).

#include "gmoe/moe/balance/switch_loss.hpp"
#include "gmoe/moe/step_statistics.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/scale_by.hpp"

namespace gmoe {

/// lambda sum_i f_i P_i for each layer, P the mean scores, f_i = N / (k T) times the tokens that chose expert i, a
/// constant: experts that are busy are dearer. Without `by_load` f is 1, which is a plain L1 loss. After every step
///
///     lambda <- lambda factor ^ sign( (1 - k / N) - S )
///
/// with S the share of scores that were 0, all layers and passes of the step together. One lambda for all layers.
struct steered_sparsity {
  using slot = slots::balance;
  index_t k = 2;
  double start = 1e-8;
  double factor = 1.2;
  bool by_load = true;
  static constexpr auto fields =
      std::tuple{field{"k", &steered_sparsity::k, "experts per token that is steered towards", at_least(1)},
                 field{"start", &steered_sparsity::start, "weight of the loss at first", above(0)},
                 field{"factor", &steered_sparsity::factor, "by which the weight changes in a step", at_least(1)},
                 field{"by_load", &steered_sparsity::by_load, "scores of busy experts cost more"}};

  template <class B>
  struct shared {
    buffer<B> weight;                 ///< 1 x 1, lambda
    index_t layers = 1;               ///< that use it
    index_t heard = 0;                ///< of these, in the step at hand
    index_t pairs = 0, possible = 0;  ///< scores above 0, and all, in those
  };
  template <class B>
  shared<B> make_shared(const builder<B>& make, const layer_shape& l) const {
    require(k <= l.experts, "balance.k is ", k, ", expected at most the layer's ", l.experts, " experts");
    return {make.constant_buffer("weight", 1, 1, start), l.moe_layers};
  }
  /// What accounting takes for the experts of a token: the aim.
  double experts_per_token(const layer_shape&) const { return static_cast<double>(k); }

  template <class B>
  variable<B> layer_loss(const place<B>& at, const routing<B>& r, const auto& my) const {
    variable<B> cost = mean_scores(r);
    if (by_load) {
      const auto tokens = static_cast<double>(std::max<index_t>(r.valid.among(r.chosen.rows()), 1));
      matrix<B> f(1, r.experts);
      B::count_choices(
          f.view(), static_cast<typename B::scalar>(static_cast<double>(r.experts) / (static_cast<double>(k) * tokens)),
          r.chosen.view());
      cost = multiply(cost, at.constant(std::move(f)));
    }
    return scale_by(at.constant(my.shared.weight.value()), sum(cost));
  }
  template <class B>
  void after_step(std::int64_t, const layer_statistics<B>& seen, const auto& my) const {
    auto& s = my.shared;
    const auto experts = static_cast<index_t>(seen.load.size());
    s.pairs += seen.pairs;
    s.possible += seen.tokens * experts;
    if (++s.heard < s.layers) return;
    // Whole numbers: 1 - k / N > S means that more than k / N of the scores are above 0.
    const index_t too_many = s.pairs * experts - k * s.possible;
    const double by = too_many > 0 ? factor : too_many < 0 ? 1 / factor : 1;
    s.weight.value() =
        matrix<B>::filled(1, 1, static_cast<typename B::scalar>(static_cast<double>(s.weight.value().item()) * by));
    s.heard = s.pairs = s.possible = 0;
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    return switch_loss::check_partners<Card, B>();
  }
};

}  // namespace gmoe
