#pragma once
/// More experts for tokens that matter more (DA-MoE, Akhavan Aghdam et al. 2024).

#include <string_view>
#include <tuple>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/card.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/choose.hpp"
#include "gmoe/ops/matmul.hpp"

namespace gmoe {

/// The K_t largest scores of token t among those that may be asked, best first, then empty slots:
///
///     K_t = k a_t, rounded (a half is rounded down), but at least 1           a_t in [0, 1]
///
/// a_t is what the block's attention has told of the token (place::importance). With a_t = 1 it is top_k.
struct top_k_by_importance {
  using slot = slots::select;
  index_t k = 2;  ///< of the most important token
  static constexpr auto fields =
      std::tuple{field{"k", &top_k_by_importance::k, "experts of the most important token", at_least(1)}};

  index_t at_most(const layer_shape&) const { return k; }

  template <class B>
  id_matrix<B> choose(const place<B>& at, const routing<B>& r) const {
    using scalar = typename B::scalar;
    const variable<B> a(at.importance(r.scores.rows()));
    id_matrix<B> chosen =
        r.mask.empty() ? choose_top_k(r.scores.value(), k) : choose_top_k(r.scores.value(), k, r.mask);
    // Slot j stays where k a > j + 1/2; slot 0 always.
    matrix<B> each = matrix<B>::filled(1, k, static_cast<scalar>(k)), less(1, k);
    for (index_t j = 0; j < k; ++j)
      B::fill(less.view().col_block(j, 1), j == 0 ? scalar(1) : static_cast<scalar>(-0.5 - static_cast<double>(j)));
    B::keep_where(chosen.view(),
                  add_row(matmul(a, variable<B>(std::move(each))), variable<B>(std::move(less))).value().view());
    return chosen;
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(
        requires { answer<Card, slots::attention>::tells_importance; },
        "gmoe: top_k_by_importance asks how important tokens are, which the card's attention does not tell: "
        "it takes attention_with_importance<...>");
    return true;
  }
};

}  // namespace gmoe
