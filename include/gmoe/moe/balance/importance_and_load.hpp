#pragma once
/// The two losses of noisy top-k gating (Shazeer et al., ICLR 2017): experts should weigh as much as each other, and be
/// chosen as often.

#include "gmoe/core/field.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/choose.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/ops/reshape.hpp"
#include "gmoe/ops/valid_rows.hpp"

namespace gmoe {

/// CV^2(v) = var(v) / (mean(v)^2 + 1e-10) for v (1 x N), the squared coefficient of variation, 1 x 1: 0 where all are
/// equal. The variance is the mean of (v - mean)^2.
template <class B>
variable<B> squared_variation(const place<B>& at, const variable<B>& v) {
  const double share = 1 / static_cast<double>(v.cols());
  const variable<B> mean = scale(sum(v), share);
  const variable<B> variance = scale(sum(square(add_col(v, scale(mean, -1)))), share);
  return divide(variance, add(square(mean), at.constant(matrix<B>::filled(1, 1, typename B::scalar(1e-10)))));
}

/// importance CV^2(I) + load CV^2(D) for each layer, of the rows that count:
///
///     I_i = mean over tokens of w_i                      w as if nothing were dropped; 0 where i was not chosen
///     D_i = mean over tokens of Phi((z'_i - t_i) / s_i)  the chance that i is chosen if its own noise is drawn again
///
/// t_i is the k-th largest of the other experts' noisy logits, so for those that were chosen the (k+1)-th of all, else
/// the k-th. All of w, z', t and s have their gradients. Without noise, in evaluation, there is no D, and none where
/// all N experts are chosen.
struct importance_and_load {
  using slot = slots::balance;
  double importance = 0.01, load = 0.01;
  static constexpr auto fields =
      std::tuple{field{"importance", &importance_and_load::importance,
                       "coefficient of the loss on how much experts weigh", at_least(0)},
                 field{"load", &importance_and_load::load,
                       "coefficient of the loss on how often experts are chosen, by chance", at_least(0)}};

  template <class B>
  variable<B> layer_loss(const place<B>& at, const routing<B>& r) const {
    const variable<B> weights = scatter_elements(r.weights, r.chosen, r.experts);
    const variable<B> even = scale(squared_variation(at, valid_means(weights, r.valid)), importance);
    if (!at.training || r.chosen.cols() == r.experts) return even;
    return add(even, scale(squared_variation(at, valid_means(chance_to_be_chosen(at, r), r.valid)), load));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(has_noise<Card>,
                  "gmoe: importance_and_load asks what other noise would have chosen, but the card's router has none: "
                  "it takes noisy<...>");
    static_assert(
        requires { answer<Card, slots::select>::k; },
        "gmoe: importance_and_load asks who is among the k largest, but the card's selection has no k: it "
        "takes top_k");
    static_assert(!has_hook_within<hooks::mask, answer<Card, slots::candidates>>,
                  "gmoe: importance_and_load compares all experts, but the card's candidates leave some of them out");
    static_assert(has_hook_within<hooks::weights, answer<Card, slots::gate>>,
                  "gmoe: importance_and_load sums weights, but the card's gate gives none");
    return true;
  }

 private:
  /// T x N
  template <class B>
  static variable<B> chance_to_be_chosen(const place<B>& at, const routing<B>& r) {
    const index_t tokens = r.scores.rows(), k = r.chosen.cols();
    const id_matrix<B> best = choose_top_k(r.scores.value(), k + 1);
    matrix<B> chosen(tokens, r.experts);
    B::one_hot(chosen.view(), best.view().col_block(0, k));
    const variable<B> last = gather_elements(r.logits, best);  // T x (k + 1)
    const variable<B> out = columns_of(last, k - 1, 1), in = columns_of(last, k, 1);
    const variable<B> threshold = add_col(multiply_col(at.constant(std::move(chosen)), subtract(in, out)), out);
    const variable<B> above = subtract(r.noted("clean_logits"), threshold);
    return normal_cdf(divide(above, r.noted("noise_deviation")));
  }
};

}  // namespace gmoe
