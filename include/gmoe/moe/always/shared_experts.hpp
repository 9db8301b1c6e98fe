#pragma once
/// The shared experts of DeepSeekMoE (Dai et al. 2024): several small experts per layer that every token visits.

#include <optional>

#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"

namespace gmoe {

/// The parts that the pool sets aside (`fine_grained::shared_experts`), each of width d_ff / granularity, with weight
/// 1, outside softmax and balance. Their sum is one expert with all their hidden units, and is computed as that.
struct shared_experts {
  using slot = slots::always;
  static constexpr bool computes_shared_experts = true;

  template <class B, class Body>
  struct layer {
    std::optional<dense_expert<B, Body>> expert;
  };
  template <class B, class Body>
  layer<B, Body> make_layer(const builder<B>& make, const layer_shape& l, const Body& body) const {
    layer<B, Body> made;
    if (l.shared_experts > 0)
      made.expert.emplace(dense_expert<B, Body>::make(
          make, body, l.d_model, l.shared_experts * (l.d_ff / l.granularity), l.initializer_range));
    return made;
  }
  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>&, const auto& my) const {
    return my.layer.expert ? (*my.layer.expert)(at, x) : variable<B>{};
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(has_published_numbers<Card>,
                  "gmoe: shared_experts computes what the pool sets aside, but the card's pool publishes no such "
                  "number: it takes fine_grained<...>");
    static_assert(has_dense_form<answer<Card, slots::body>, B>,
                  "gmoe: shared_experts computes an expert for every token, but the card's body has no variable<B> "
                  "dense(const context<B>&, const variable<B>& x, const weights<B>&) const");
    return true;
  }
};

}  // namespace gmoe
