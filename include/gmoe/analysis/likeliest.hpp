#pragma once
/// Choosing among texts by how likely a model finds them.

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"

namespace gmoe {

/// How texts of different lengths are compared: by log p as it is, per token, or per byte. A sum prefers short texts.
enum class likelihood_rule { sum, token, byte };
constexpr auto names_of(likelihood_rule) { return std::array<std::string_view, 3>{"sum", "token", "byte"}; }

/// What a model says of one choice.
struct choice_likelihood {
  double sum = 0;  ///< log p in nats
  index_t tokens = 0, bytes = 0;

  /// The number by which choices are compared. Throws data_error where there is nothing to divide by.
  double by(likelihood_rule rule) const {
    if (rule == likelihood_rule::sum) return sum;
    const index_t length = rule == likelihood_rule::token ? tokens : bytes;
    require<data_error>(length >= 1, "a choice of ", length, " ", names_of(rule)[static_cast<std::size_t>(rule)],
                        "s, expected at least 1");
    return sum / static_cast<double>(length);
  }
};

/// The first of the likeliest. Throws data_error if there is none.
inline std::size_t likeliest(std::span<const choice_likelihood> choices, likelihood_rule rule) {
  require<data_error>(!choices.empty(), "likeliest: there are no choices");
  std::size_t best = 0;
  for (std::size_t i = 1; i < choices.size(); ++i)
    if (choices[i].by(rule) > choices[best].by(rule)) best = i;
  return best;
}

/// Whether `answer` is likelier than each of the others. A tie is no answer: what cannot tell texts apart is never
/// right, wherever the right one stands.
inline bool is_likeliest(std::span<const choice_likelihood> choices, std::size_t answer, likelihood_rule rule) {
  require<data_error>(answer < choices.size(), "choice ", answer, " is right, but there are ", choices.size());
  for (std::size_t i = 0; i < choices.size(); ++i)
    if (i != answer && !(choices[answer].by(rule) > choices[i].by(rule))) return false;
  return true;
}

}  // namespace gmoe
