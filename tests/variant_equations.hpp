#pragma once
/// Cards in the terms of naive_moe.hpp: those of GMoE and of the baselines of its paper. Others have equations of their
/// own in tests/cards.

#include <stdexcept>
#include <string>

#include "gmoe/nn/sizes.hpp"
#include "naive_moe.hpp"

namespace gmoe_test {

/// The equations of the card `name` for a model of `s`, with the card's own numbers but these: experts of fine-grained
/// cards in `granularity` parts, `shared` of them for every token where there are such. The table of hash layers is the
/// caller's.
inline naive::variant equations_of(const std::string& name, const gmoe::sizes& s, gmoe::index_t granularity = 1,
                                   gmoe::index_t shared = 1) {
  const auto whole = [](gmoe::index_t n) { return static_cast<std::size_t>(n); };
  naive::variant v;
  v.experts = whole(s.experts);
  v.width = whole(s.d_ff);
  v.always = v.width;
  v.mixture.assign(whole(s.layers), true);
  if (name.starts_with("gmoe")) {
    const std::string without = name.substr(4);
    if (without == "-no-local" || without == "-no-local-top2") v.always = 0;
    if (without == "-no-local-top2") {
      v.k = 2;
      v.room = naive::room::no_local;
    }
    v.propagates = without != "-no-logits";
    v.state = without != "-no-state";
    v.one_pool = without != "-no-global";
    if (without == "-every-second")
      for (std::size_t b = 1; b < v.mixture.size(); b += 2) v.mixture[b] = false;
    if (without == "-fine-grained") {
      v.experts = whole(granularity * s.experts);
      v.width = whole(s.d_ff / granularity);
      v.k = whole(granularity);
    }
    return v;
  }
  v.one_pool = false;
  v.router = naive::router_kind::linear;
  v.always = 0;
  if (name == "dense" || name == "dense-relu") {
    v.mixture.assign(v.mixture.size(), false);
    v.relu_dense = name == "dense-relu";
    return v;
  }
  if (name == "smoe") {
    v.k = 2;
    v.weigh = naive::weighting::normalised;
    return v;
  }
  for (std::size_t b = 1; b < v.mixture.size(); b += 2) v.mixture[b] = false;
  if (name == "hash") {
    v.router = naive::router_kind::table;
    v.weigh = naive::weighting::one;
    v.balance = naive::balance::none;
    return v;
  }
  if (name == "deepseek-moe") {
    v.experts = whole(granularity * s.experts - shared);
    v.width = whole(s.d_ff / granularity);
    v.k = whole(2 * granularity - shared);
    v.always = whole(shared) * v.width;
    return v;
  }
  v.room = naive::room::switch_;
  if (name == "switch") return v;
  if (name == "switch-se") {
    v.always = whole(s.d_ff);
    return v;
  }
  v.k = 2;
  v.weigh = naive::weighting::normalised;
  v.room = naive::room::gshard_authors;
  if (name == "gshard") return v;
  v.room = naive::room::gshard_paper;
  v.balance = naive::balance::first_choices;
  if (name == "gshard-paper") return v;
  throw std::invalid_argument("no equations for the card " + name);
}

}  // namespace gmoe_test
