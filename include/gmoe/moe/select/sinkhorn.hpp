#pragma once
/// Selections by a balanced plan (Sinkhorn, as in Routers in Vision Mixture of Experts, Liu et al. 2024).

#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/select/expert_choice.hpp"
#include "gmoe/moe/select/transport.hpp"

namespace gmoe {

namespace detail {
template <class Card>
consteval void require_logit_per_expert() {
  static_assert(
      has_logit_per_expert<Card>,
      "gmoe: a Sinkhorn selection plans with the router's logits, one per expert, but the card's score asks for "
      "another number of them: it takes another score, such as softmax_score");
}
}  // namespace detail

/// Token choice: in training every token takes the k experts with the largest entries in its row of the plan P
/// (sinkhorn_potentials), those with the largest z_ti + b_i. P has no gradient; weights come from the scores.
///
/// b depends on the batch. In evaluation it is its running mean, centred: a constant per expert.
struct sinkhorn_top_k {
  using slot = slots::select;
  index_t k = 2;
  double epsilon = 1;
  index_t sweeps = 20;
  double memory = 0.99;
  static constexpr auto fields =
      std::tuple{field{"k", &sinkhorn_top_k::k, "experts per token", at_least(1)},
                 field{"epsilon", &sinkhorn_top_k::epsilon, "weight of the plan's entropy", above(0)},
                 field{"sweeps", &sinkhorn_top_k::sweeps, "sweeps over rows and columns", at_least(1)},
                 field{"memory", &sinkhorn_top_k::memory, "share of the mean of b that a step leaves", below(0, 1)}};
  static constexpr reach reaches = reach::batch, reaches_in_evaluation = reach::token;

  template <class B>
  struct layer {
    buffer<B> potential;  ///< 1 x N, the mean of b
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.constant_buffer("potential", 1, l.experts, 0)};
  }
  index_t at_most(const layer_shape&) const { return k; }

  template <class B>
  id_matrix<B> choose(const place<B>& at, const routing<B>& r, const auto& my) const {
    const matrix<B>& z = r.logits.value();
    if (r.valid.among(z.rows()) == 0) return nobody<B>(z.rows(), k);
    if (!at.training) return best(r, my.layer.potential.value());
    const variable<B> b(sinkhorn_potentials(z, r.valid, epsilon, sweeps).b);
    const variable<B> mean = scale(row_sums(b), 1 / static_cast<double>(r.experts));
    note_mean(at, "potential", subtract(b, repeat_cols(mean, r.experts)).value());
    return best(r, b.value());
  }
  template <class B>
  void after_step(std::int64_t step, const layer_statistics<B>& seen, const auto& my) const {
    follow_mean(my.layer.potential, seen, "potential", memory, step);
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    detail::require_logit_per_expert<Card>();
    return true;
  }

 private:
  template <class B>
  id_matrix<B> best(const routing<B>& r, const matrix<B>& potential) const {
    matrix<B> sum(r.logits.rows(), r.experts);
    B::map_with_row(sum.view(), 0, fn::plus{}, r.logits.value().view(), potential.view());
    return r.mask.empty() ? choose_top_k(sum, k) : choose_top_k(sum, k, r.mask);
  }
};

/// Expert choice by the same plan: in training every expert takes the c tokens with the largest entries in its column,
/// those with the largest z_ti + a_t. Evaluation is that of expert_choice, by thresholds on the scores.
struct sinkhorn_expert_choice {
  using slot = slots::select;
  expert_choice of{};
  double epsilon = 1;
  index_t sweeps = 20;
  static constexpr auto fields =
      std::tuple{field{"epsilon", &sinkhorn_expert_choice::epsilon, "weight of the plan's entropy", above(0)},
                 field{"sweeps", &sinkhorn_expert_choice::sweeps, "sweeps over rows and columns", at_least(1)}};

  template <class B>
  id_matrix<B> choose(const place<B>& at, const routing<B>& r, const auto& my) const {
    if (!at.training) return expert_choice::above_threshold(r, my);
    const matrix<B>& z = r.logits.value();
    if (r.valid.among(z.rows()) == 0) return nobody<B>(z.rows(), r.experts);
    const variable<B> a(sinkhorn_potentials(z, r.valid, epsilon, sweeps).a);
    return of.best_of_batch(at, r, add_col(variable<B>(z), a).value());
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    detail::require_logit_per_expert<Card>();
    return true;
  }
};

}  // namespace gmoe
