#pragma once
/// Nothing is added for the position: attention may know it, as llama_attention does.

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/rows_by_id.hpp"

namespace gmoe {

/// u = wte[token].
struct no_positions {
  using slot = slots::positions;

  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& wte, index_t /*first*/) const {
    return take_rows(wte, at.tokens);
  }
};

}  // namespace gmoe
