#pragma once
/// Hand-made routing for the tests of single policies.

#include "backends.hpp"
#include "gmoe/moe/routing.hpp"
#include "gmoe/nn/context.hpp"
#include "gmoe/nn/sizes.hpp"
#include "naive.hpp"

namespace gmoe_test {

/// A routing with these scores (T x N) and choices (T x K).
template <class B>
gmoe::routing<B> routing_of(const table& scores, const std::vector<id_type>& chosen) {
  gmoe::routing<B> r;
  r.experts = scores.cols;
  r.scores = gmoe::variable<B>(put<B>(scores));
  r.logits = r.scores;
  r.chosen = put_ids<B>(chosen, scores.rows, static_cast<index_t>(chosen.size()) / scores.rows);
  return r;
}

template <class B>
gmoe::context<B> training_context(std::uint64_t seed = 0) {
  gmoe::context<B> ctx;
  ctx.training = true;
  ctx.random = gmoe::random_stream(seed);
  return ctx;
}

/// The message of the config_error that `f` throws; "" if it throws none.
template <class F>
std::string refusal(const F& f) {
  try {
    f();
  } catch (const gmoe::config_error& e) {
    return e.what();
  }
  return "";
}

}  // namespace gmoe_test
