#pragma once
/// Hand-made routing, and one policy alone, for the tests of single policies.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "backends.hpp"
#include "gmoe/moe/body/feed_forward.hpp"
#include "gmoe/moe/kept.hpp"
#include "gmoe/moe/place.hpp"
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

/// One policy in one or several layers, with what it keeps for them; experts have the body `Body`.
///
///     policy_alone<B, linear_router> router({}, {four_experts()});
///     router.ask(hooks::logits{}, ctx, x)           // with at, with my
template <class B, class Policy, class Body = gmoe::relu_expert>
class policy_alone {
 public:
  Policy policy;
  std::vector<gmoe::layer_shape> shapes;
  gmoe::findings<B> found;
  typename gmoe::kept<Policy, B, Body>::carried carried{};
  typename gmoe::kept<Policy, B, Body>::cached cached{};

  explicit policy_alone(Policy p = {}, std::vector<gmoe::layer_shape> layers = {{}}, std::uint64_t seed = 1)
      : policy(std::move(p)), shapes(std::move(layers)) {
    const gmoe::builder<B> make(seed);
    for (std::size_t l = 0; l < shapes.size(); ++l) {
      shapes[l].moe_layer = static_cast<index_t>(l);
      shapes[l].columns = std::max(shapes[l].columns, shapes[l].experts);
      kept_.add_layer(
          policy, Body{}, make.scope("own", static_cast<index_t>(l)), [&](index_t g) { return make.scope("group", g); },
          shapes[l]);
    }
  }

  /// Asks in the pass that `ctx` describes, in its layer number `l`. What is carried stays for the next question.
  template <class Hook>
  decltype(auto) ask(Hook, const gmoe::context<B>& ctx, const auto&... data) {
    return ask_in(Hook{}, 0, ctx, data...);
  }
  template <class Hook>
  decltype(auto) ask_in(Hook, index_t l, const gmoe::context<B>& ctx, const auto&... data) {
    const gmoe::layer_shape& shape = shapes[static_cast<std::size_t>(l)];
    gmoe::place<B> at{ctx, shape, &found};
    at.block = shape.block;
    return gmoe::ask<Hook>(std::as_const(policy), kept_.my(l, carried, cached), std::as_const(at), data...);
  }
  /// What changes: for prepare and after_step, and to look at.
  auto mine(index_t l = 0) { return kept_.mine(l); }

  /// All parameters and buffers, layer by layer, then those of groups.
  gmoe::kept_list<B> all() {
    gmoe::kept_list<B> list;
    for (std::size_t l = 0; l < shapes.size(); ++l) kept_.list_layer(static_cast<index_t>(l), list);
    kept_.list_shared(list);
    return list;
  }
  /// "name rowsxcols, ..." of every parameter.
  std::string parameters() {
    std::string text;
    for (const gmoe::parameter<B>* p : all().parameters)
      text += p->name() + " " + std::to_string(p->rows()) + "x" + std::to_string(p->cols()) + ", ";
    return text;
  }

 private:
  gmoe::kept<Policy, B, Body> kept_;
};

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
