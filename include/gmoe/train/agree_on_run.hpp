#pragma once
/// Ranks that train together must train the same thing.

#include <cstring>
#include <span>
#include <string>

#include "gmoe/core/field.hpp"
#include "gmoe/core/text.hpp"
#include "gmoe/ranks/collective.hpp"
#include "gmoe/train/recipe.hpp"

namespace gmoe {

namespace detail {

/// For telling data apart, not against attackers.
class data_hash {
 public:
  void add(std::span<const std::byte> data) {
    add(static_cast<std::uint64_t>(data.size()));
    for (; data.size() >= sizeof(std::uint64_t); data = data.subspan(sizeof(std::uint64_t))) {
      std::uint64_t word;
      std::memcpy(&word, data.data(), sizeof word);
      add(word);
    }
    for (const std::byte b : data) add(static_cast<std::uint64_t>(b));
  }
  std::string text() const { return std::to_string(hash_); }

 private:
  void add(std::uint64_t word) {
    hash_ = (hash_ ^ word) * 0x9e3779b97f4a7c15u;
    hash_ ^= hash_ >> 32;
  }
  std::uint64_t hash_ = 0x243f6a8885a308d3u;
};

}  // namespace detail

/// Throws rank_error on all ranks, with the first thing that differs: recipe, step, text, the model's parameters, or
/// the values of anything that is kept.
template <class Ranks, class Model, class Token>
void agree_on_run(const Ranks& ranks, const recipe& how, std::int64_t step, std::span<const Token> text, Model& model,
                  auto& optimizer) {
  each_field(how, [&](const auto& f, const auto& v) { ranks::agree(ranks, f.name, to_text(v)); });
  ranks::agree(ranks, "the step", to_text(step));
  detail::data_hash tokens, shapes, values;
  tokens.add(std::as_bytes(text));
  ranks::agree(ranks, "the hash of the training text", tokens.text());
  const auto add = [&](const std::string& name, const auto& m) {
    const std::string shape = concat(name, " ", m.rows(), " x ", m.cols());
    shapes.add(std::as_bytes(std::span(shape)));
    const auto numbers = m.to_host();
    values.add(std::as_bytes(std::span(numbers)));
  };
  model.each_parameter([&](const auto& p) { add(p.name(), p.value()); });
  if constexpr (requires { model.each_buffer([](const auto&) {}); })
    model.each_buffer([&](const auto& b) { add(b.name(), b.value()); });
  optimizer.each_moment([&](const std::string& name, const auto& first, const auto& second) {
    add(name, first);
    add(name, second);
  });
  ranks::agree(ranks, "the hash of the parameters' names and shapes", shapes.text());
  ranks::agree(ranks, "the hash of the values of parameters, buffers and moments", values.text());
}

}  // namespace gmoe
