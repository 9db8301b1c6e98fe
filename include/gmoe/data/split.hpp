#pragma once
/// Training and validation parts of a token sequence.

#include <cmath>
#include <cstdint>
#include <span>

#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"

namespace gmoe {

/// Two views of one sequence: the validation part is what follows the training part.
template <class Token>
struct token_split {
  std::span<const Token> train;
  std::span<const Token> validation;
};

/// Splits `tokens` so that the last `validation_fraction` of them (rounded to the nearest token) is for validation.
/// Each part must hold one window, that is `sequence` inputs and one more target. A contiguous tail, because a random
/// choice of windows would put validation text right beside the training text it continues.
/// Throws config_error for a fraction outside (0, 1) or sequence < 1, data_error if a part is too short.
template <class Token>
token_split<Token> split_tokens(std::span<const Token> tokens, index_t sequence, double validation_fraction = 0.1) {
  require(sequence >= 1, "split_tokens: sequence is ", sequence, ", expected at least 1");
  require(validation_fraction > 0.0 && validation_fraction < 1.0, "split_tokens: the validation fraction is ",
          validation_fraction, ", expected between 0 and 1, both excluded");
  const auto all = static_cast<index_t>(tokens.size());
  const auto validation = static_cast<index_t>(std::llround(static_cast<double>(all) * validation_fraction));
  const index_t train = all - validation;
  const auto check = [&](const char* part, index_t size) {
    require<data_error>(size > sequence, "split_tokens: the ", part, " part has ", size, " of the text's ", all,
                        " tokens (validation fraction ", validation_fraction, "), but one window of sequence length ",
                        sequence, " needs ", sequence + 1, "; use a longer text or a shorter sequence");
  };
  check("training", train);
  check("validation", validation);
  return {tokens.first(static_cast<std::size_t>(train)), tokens.last(static_cast<std::size_t>(validation))};
}

}  // namespace gmoe
