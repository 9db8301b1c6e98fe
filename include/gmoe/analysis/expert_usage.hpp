#pragma once
/// Which experts a text asks, and which of them together: what an expert budget is made of.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gmoe/data/evaluation_windows.hpp"
#include "gmoe/model/batch.hpp"
#include "gmoe/model/evaluation_context.hpp"
#include "gmoe/moe/findings.hpp"

namespace gmoe {

/// How often the experts of one mixture were asked. Ids are the layer's own, 0 to N - 1.
struct layer_usage {
  std::string mixture{};                 ///< see routing::mixture
  index_t number = 0;                    ///< see routing::layer
  index_t block = 0;                     ///< of the model
  pool_view pool{};                      ///< what is known of the N experts
  std::vector<std::int64_t> asked{};     ///< N: pairs, over all rounds of a form
  std::vector<std::int64_t> together{};  ///< N x N, symmetric: a token asked both, or one part of it
  std::vector<std::int64_t> in_turn{};   ///< N x N, symmetric: neighbours in a sequence asked one each

  index_t experts() const { return std::ssize(asked); }
  /// Experts that have weights: the others are always there, and stand in for nobody.
  bool has_weights(index_t e) const {
    const expert_kind kind = pool->kinds[static_cast<std::size_t>(e)];
    return kind == expert_kind::ordinary || kind > expert_kind::constant;
  }
};

namespace detail {

inline void count_both(std::vector<std::int64_t>& counts, index_t experts, id_type a, id_type b) {
  if (a == b || a == no_choice || b == no_choice) return;
  ++counts[static_cast<std::size_t>(a * experts + b)];
  ++counts[static_cast<std::size_t>(b * experts + a)];
}

/// Adds a routing's rows. Row t is place `places[t]` of the pass, in sequences of `sequence` places, and `step` places
/// before its neighbour in the next token.
inline void count_rows(layer_usage& l, std::span<const id_type> ids, index_t slots, std::span<const index_t> places,
                       index_t sequence, index_t step) {
  const index_t experts = l.experts();
  const auto row = [&](std::size_t t) {
    return ids.subspan(t * static_cast<std::size_t>(slots), static_cast<std::size_t>(slots));
  };
  constexpr std::size_t nowhere = std::size_t(-1);
  const index_t end = places.empty() ? 0 : *std::max_element(places.begin(), places.end()) + 1;
  std::vector<std::size_t> row_at(static_cast<std::size_t>(end), nowhere);
  for (std::size_t t = 0; t < places.size(); ++t) row_at[static_cast<std::size_t>(places[t])] = t;
  for (std::size_t t = 0; t < places.size(); ++t) {
    const index_t neighbour = places[t] + step;
    const bool goes_on = neighbour < end && neighbour / sequence == places[t] / sequence;
    const std::size_t next = goes_on ? row_at[static_cast<std::size_t>(neighbour)] : nowhere;
    for (std::size_t j = 0; j < row(t).size(); ++j) {
      const id_type e = row(t)[j];
      if (e == no_choice) continue;
      ++l.asked[static_cast<std::size_t>(e)];
      for (std::size_t i = 0; i < j; ++i) count_both(l.together, experts, row(t)[i], e);
      if (next == nowhere) continue;
      for (const id_type other : row(next)) count_both(l.in_turn, experts, e, other);
    }
  }
}

}  // namespace detail

/// Adds what a pass over sequences of `sequence` tokens asked for, capacity or not; padding asks nobody.
/// All rounds of a form, and all mixtures that it holds, count.
template <class B>
void add_usage(std::vector<layer_usage>& usage, const findings<B>& pass, index_t sequence) {
  for (const routing<B>& r : pass.routings) {
    auto found = std::find_if(usage.begin(), usage.end(),
                              [&](const layer_usage& l) { return l.number == r.layer && l.mixture == r.mixture; });
    if (found == usage.end()) {
      const auto n = static_cast<std::size_t>(r.experts);
      const std::vector<std::int64_t> none(n), no_pairs(n * n);
      found = usage.insert(found, {std::string(r.mixture), r.layer, r.block, r.pool, none, no_pairs, no_pairs});
    }
    const index_t rows = r.chosen.rows();
    std::vector<index_t> places(static_cast<std::size_t>(rows));
    std::iota(places.begin(), places.end(), 0);
    if (r.rows) std::ranges::copy(r.rows->to_host(), places.begin());
    const index_t parts = r.rows_per_token;
    detail::count_rows(*found, r.chosen.to_host(), r.chosen.cols(), places, sequence * parts, parts);
  }
}

/// What a model asks while it reads consecutive windows of a text as `evaluate` does, in the order in which its
/// mixtures run. `most` limits the number of batches, 0: all. Nothing for a model without mixtures.
template <class Model, class Token>
std::vector<layer_usage> record_usage(const Model& model, std::span<const Token> text, index_t sequence,
                                      index_t batch_size, index_t most = 0) {
  const evaluation_windows<Token> windows(text, sequence, batch_size);
  std::vector<id_type> ids(static_cast<std::size_t>(batch_size * sequence)), targets(ids.size());
  std::vector<index_t> lengths(static_cast<std::size_t>(batch_size));
  std::vector<layer_usage> usage;
  batch<typename Model::backend_type> data;
  const index_t batches = most > 0 ? std::min(most, windows.batches()) : windows.batches();
  for (index_t i = 0; i < batches; ++i) {
    windows.batch(i, ids, targets);
    windows.lengths(i, lengths);
    data.assign(ids, {}, batch_size, model.shape().vocab, lengths);
    auto pass = model.begin(Model::reading(evaluation_context(model, i), data));
    model.hidden(pass);
    add_usage(usage, pass.found(), sequence);
  }
  return usage;
}

}  // namespace gmoe
