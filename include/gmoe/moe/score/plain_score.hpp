#pragma once
/// p = z: the router's numbers are the scores.

#include "gmoe/autograd/variable.hpp"
#include "gmoe/core/slot.hpp"

namespace gmoe {

/// For routers that decide by themselves, such as hashing.
struct plain_score : score_policy {
  template <class B>
  static variable<B> scores(const variable<B>& logits) {
    return logits;
  }
};

}  // namespace gmoe
