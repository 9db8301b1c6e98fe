#pragma once
/// Balance in two levels: between groups of experts, and within each (MoHGE, Ma et al. 2026).

#include <string_view>
#include <vector>

#include "gmoe/moe/balance/switch_loss.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/normalize.hpp"
#include "gmoe/ops/reshape.hpp"

namespace gmoe {

/// For the G groups of a pool, of n experts of width W_g each:
///
///     between G sum_g (W_g / mean W) F_g PG_g  +  within (n / G) sum_g sum_(i in g) f_i|g P_i|g
///
/// F_g is the share of the pairs that went to group g, PG_g its mean score ("group_scores"); f_i|g is the share of
/// expert i in the pairs of its group, P_i|g that in the mean scores of its group, each over the sum + 1e-9, so that
/// both are 0 in a group that nobody asked. F and f are constants. Even load costs `between` (of equal widths) and
/// `within`.
struct group_loss {
  using slot = slots::balance;
  static constexpr std::string_view name = "group";
  double between = 0.01, within = 0.01;
  static constexpr auto fields =
      std::tuple{field{"between", &group_loss::between, "coefficient of the loss between groups", at_least(0)},
                 field{"within", &group_loss::within, "coefficient of the loss within groups", at_least(0)}};

  template <class B>
  struct layer {
    matrix<B> width;  ///< G x 1, W_g / mean W
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    if (make.mode() == build_mode::shapes_only) return {};
    const auto n = static_cast<std::size_t>(l.experts / l.groups);
    double mean = 0;
    for (const index_t m : l.pool->widths) mean += static_cast<double>(m) / static_cast<double>(l.experts);
    std::vector<typename B::scalar> width;
    for (std::size_t g = 0; g < static_cast<std::size_t>(l.groups); ++g)
      width.push_back(static_cast<typename B::scalar>(static_cast<double>(l.pool->widths[g * n]) / mean));
    return {matrix<B>::from_host(width, l.groups, 1)};
  }
  template <class B>
  variable<B> layer_loss(const place<B>& at, const routing<B>& r, const auto& my) const {
    const index_t groups = at.layer.groups, n = r.experts / groups;
    const variable<B> f = reshape(chosen_fractions(r), groups, n), p = reshape(mean_scores(r), groups, n);
    const variable<B> load = multiply(row_sums(f), at.constant(my.layer.width));
    const variable<B> scores = reshape(valid_means(r.noted("group_scores"), r.valid), groups, 1);
    const double each = static_cast<double>(n) / static_cast<double>(groups);
    return add(scale(dot(load, scores), between * static_cast<double>(groups)),
               scale(dot(normalize_sums(f, 1e-9), normalize_sums(p, 1e-9)), within * each));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(has_scores<Card>,
                  "gmoe: group_loss reads scores of all experts, but the card's form makes none (see its `uses`): it "
                  "takes no_balance");
    static_assert(
        !has_signed_scores<Card>,
        "gmoe: group_loss takes shares of scores, but the card's scores are logits, which may be negative: it "
        "takes another score, such as times_group<softmax_score>");
    return true;
  }
};

}  // namespace gmoe
