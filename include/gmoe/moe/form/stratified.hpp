#pragma once
/// Experts in strata (Xu et al. 2023, Stratified MoE): a token goes through them until its best expert is one of the
/// last stratum. Simple tokens leave after one mixture, hard ones meet several.
///
///     s = 0, u = x;  while s < S:   I, w = the experts that u asks, of stratum s and after it
///                                   u <- u + sum over i in I of w_i E_i(u)
///                                   s <- 1 + the stratum of the best of I
///     y = u - x

#include <numeric>
#include <span>
#include <utility>

#include "gmoe/core/field.hpp"
#include "gmoe/core/recycled.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/moe/strata.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/rows_by_id.hpp"

namespace gmoe {

/// S rounds, of which round s routes the tokens that stand before stratum s, the first one all. Whom they may ask says
/// the card's candidates: `strata_ahead`.
struct stratified {
  using slot = slots::form;
  index_t strata = 4;  ///< S
  static constexpr auto fields =
      std::tuple{field{"strata", &stratified::strata, "groups of experts that a token goes through", between(1, 1024)}};

  index_t routings(const layer_shape&) const { return strata; }
  layer_shape parts(layer_shape l) const {
    require(strata <= l.experts, "form.strata = ", strata, " is more than the ", l.experts, " experts of a layer");
    l.rounds = strata;
    return l;
  }
  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x) const {
    recycled_vector<index_t> next(static_cast<std::size_t>(x.rows()), 0);  // the stratum that each token stands before
    const auto go_on = [&](const routing<B>& r, std::span<const id_type> tokens) {
      const auto sent = B::read_ids(std::as_const(r.chosen).view());
      const id_type* const chosen = ids_on_host(sent);
      const gmoe::strata all{r.experts, strata};
      for (std::size_t i = 0; i < tokens.size(); ++i) {
        const id_type best = chosen[i * static_cast<std::size_t>(r.chosen.cols())];
        next[static_cast<std::size_t>(tokens[i])] = best == no_choice ? strata : 1 + all.of(best);
      }
    };
    recycled_vector<id_type> here(next.size());
    std::iota(here.begin(), here.end(), id_type(0));
    const routing<B>& first = parts.route(at, x);
    variable<B> u = add(x, parts.experts(at, x, first));
    go_on(first, here);
    for (index_t s = 1; s < strata; ++s) {
      here.clear();
      for (std::size_t t = 0; t < next.size(); ++t)
        if (next[t] == s) here.push_back(static_cast<id_type>(t));
      const auto rows = id_matrix<B>::from_host(here, 1, std::ssize(here));
      const variable<B> v = take_rows(u, rows);
      const place<B> round = at.round(s);
      const routing<B>& r = parts.route(round, v, rows);
      u = add_rows(u, parts.experts(round, v, r), rows);
      go_on(r, here);
    }
    return subtract(u, x);
  }
};

}  // namespace gmoe
