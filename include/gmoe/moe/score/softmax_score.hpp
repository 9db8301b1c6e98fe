#pragma once
/// p = softmax(z): scores that sum to one over the experts.

#include "gmoe/core/slot.hpp"
#include "gmoe/ops/softmax.hpp"

namespace gmoe {

struct softmax_score : score_policy {
  template <class B>
  static variable<B> scores(const variable<B>& logits) {
    return softmax_rows(logits);
  }
};

}  // namespace gmoe
