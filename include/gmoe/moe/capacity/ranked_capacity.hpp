#pragma once
/// A full expert keeps those who want it most: XMoE's priority (Yang et al., ACL Findings 2024).

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/core/host_device.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/choose.hpp"
#include "gmoe/ops/embedding.hpp"

namespace gmoe {

namespace fn {
/// From a score and what its slot adds: 1 at least, as pairs that nobody asks for have less.
struct above_all_others {
  template <class T>
  GMOE_HD T operator()(const T& p, const T& standing) const {
    return p + standing + T(1);
  }
};
}  // namespace fn

/// In training every expert keeps the C = floor(factor ceil(T / N)) pairs of the highest priority p - rank, where rank
/// is 1 for a token's first choice, 2 for its second, ...: first choices before all second ones, within them by score,
/// among equals the earlier token. T are the tokens that count, however many experts they ask for. In evaluation
/// nothing is dropped. Scores must lie between 0 and 1.
struct ranked_capacity {
  using slot = slots::capacity;
  double factor = 1;
  static constexpr auto fields = std::tuple{
      field{"factor", &ranked_capacity::factor, "room of an expert against an even share of the tokens", above(0)}};
  static constexpr reach reaches = reach::batch, reaches_in_evaluation = reach::token;

  template <class B>
  struct shared {
    matrix<B> standing;  ///< 1 x N: N - 1, ..., 1, 0, what a slot adds to the score
  };
  template <class B>
  shared<B> make_shared(const builder<B>& make, const layer_shape& l) const {
    if (make.mode() == build_mode::shapes_only) return {};
    std::vector<typename B::scalar> standing(static_cast<std::size_t>(l.experts));
    std::iota(standing.rbegin(), standing.rend(), typename B::scalar(0));
    return {matrix<B>::from_host(standing, 1, l.experts)};
  }

  template <class B>
  id_matrix<B> keep(const place<B>& at, const routing<B>& r, const auto& my) const {
    const index_t tokens = r.chosen.rows(), slots = r.chosen.cols(), counted = r.valid.among(tokens);
    if (!at.training || counted == 0) return r.chosen;
    // Chosen pairs have priorities from 0 on, as 1 is added to the -1 of the others.
    matrix<B> p(tokens, slots), priority = matrix<B>::filled(tokens, r.experts, typename B::scalar(-1));
    B::gather_elements(p.view(), r.scores.value().view(), r.chosen.view());
    B::map_with_row(p.view(), 0, fn::above_all_others{}, std::as_const(p).view(),
                    my.shared.standing.view().col_block(0, slots));
    B::scatter_add_elements(priority.view(), std::as_const(p).view(), r.chosen.view());
    const double share = std::ceil(static_cast<double>(counted) / static_cast<double>(r.experts));
    const auto room = static_cast<index_t>(std::min(factor * share, static_cast<double>(tokens)));
    const id_matrix<B> taken = choices_of_rows(choose_rows(priority, room, tokens), tokens, r.experts);
    matrix<B> marks(tokens, r.experts), kept_marks(tokens, slots);
    B::one_hot(marks.view(), taken.view());
    B::gather_elements(kept_marks.view(), std::as_const(marks).view(), r.chosen.view());
    id_matrix<B> kept = r.chosen.clone();
    B::keep_where(kept.view(), std::as_const(kept_marks).view());
    return kept;
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(!has_signed_scores<Card>,
                  "gmoe: ranked_capacity adds scores to ranks, but the card's scores are logits, which may be any "
                  "number: it takes another score, such as softmax_score");
    static_assert(!has_uneven_layers<Card>,
                  "gmoe: ranked_capacity counts the ranks of all layers alike, but the card's pool shows other numbers "
                  "of experts to other layers");
    return true;
  }
};

}  // namespace gmoe
