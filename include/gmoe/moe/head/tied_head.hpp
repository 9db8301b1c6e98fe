#pragma once
/// What are the next token's logits made with? The question of the language model's output.

#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"

namespace gmoe {

/// logits = u wte', the token embedding itself, as in GPT-2.
struct tied_head {
  using slot = slots::head;

  /// V x d
  template <class B>
  variable<B> operator()(const place<B>&, const variable<B>& wte) const {
    return wte;
  }
};

}  // namespace gmoe
