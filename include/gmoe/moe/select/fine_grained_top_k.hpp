#pragma once
/// Top-k for fine-grained experts: as many parts as make up k whole experts.

#include <string_view>

#include "gmoe/moe/experts/fine_grained.hpp"
#include "gmoe/moe/select/top_k.hpp"

namespace gmoe {

/// The g k largest scores; less `shared_experts` where those are counted among the parts (DeepSeekMoE). K and
/// `sizes::top_k` count whole experts, g is `sizes::granularity`.
template <int K = 1, shared_parts Shared = shared_parts::beside>
struct fine_grained_top_k : select_policy {
  static constexpr std::string_view reads[] = {"top_k", "granularity",
                                               Shared == shared_parts::among ? "shared_experts" : ""};
  /// Choices per token.
  static index_t slots(const sizes& s) {
    const index_t parts = s.granularity * top_k<K>::slots(s),
                  aside = Shared == shared_parts::among ? s.shared_experts : 0;
    require(parts > aside, "shared_experts = ", aside, " leaves none of granularity * top_k = ", parts,
            " active experts to route to");
    return parts - aside;
  }

  template <class B>
  static id_matrix<B> choose(const context<B>& ctx, const sizes& s, const variable<B>& scores) {
    sizes parts = s;
    parts.top_k = slots(s);
    return top_k<K>::choose(ctx, parts, scores);
  }
};

}  // namespace gmoe
