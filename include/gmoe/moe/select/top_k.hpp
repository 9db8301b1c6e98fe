#pragma once
/// Token choice: every token takes its k best experts.

#include <string_view>

#include "gmoe/core/slot.hpp"
#include "gmoe/nn/context.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

/// The k largest scores, largest first, NaNs before all numbers, ties towards the lower index. `sizes::top_k` overrides
/// K if it is set.
template <int K = 1>
struct top_k : select_policy {
  static constexpr std::string_view reads[] = {"top_k"};
  static_assert(K >= 1, "gmoe: top_k<K> needs K >= 1");

  /// Choices per token.
  static index_t slots(const sizes& s) { return s.top_k > 0 ? s.top_k : K; }

  template <class B>
  static id_matrix<B> choose(const context<B>&, const sizes& s, const variable<B>& scores) {
    require(slots(s) <= scores.cols(), "top_k = ", slots(s), " experts per token, but there are only ", scores.cols());
    id_matrix<B> chosen(scores.rows(), slots(s));
    B::top_k_rows(chosen.view(), scores.value().view());
    return chosen;
  }
};

}  // namespace gmoe
