#pragma once
/// How likely a model finds one text after another: log p(continuation | context) of many pairs.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gmoe/model/evaluation_context.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/moe/card_reach.hpp"
#include "gmoe/ops/rows_by_id.hpp"

namespace gmoe {

/// `tokens` right after `context`; a token at least of both, as nothing says how likely the first of all is.
struct continuation {
  std::vector<id_type> context, tokens;
};

/// log p(tokens | context) = sum_i log p(token_i | context, tokens before i)
struct log_likelihood {
  double sum = 0;         ///< in nats
  index_t tokens = 0;     ///< of the continuation
  index_t forgotten = 0;  ///< tokens at the context's start for which there was no room
};

struct likelihood_options {
  index_t positions = 0;  ///< to use, at most the model's; 0: all. Positions never trained on say nothing
  index_t batch = 16;     ///< pairs in one pass
};

/// Why continuations have no likelihood under a card: it looks at what comes later, so that it would know what it is
/// asked, or at other sequences. Empty if they have one.
template <class Card>
std::string likelihood_obstacle(const Card& card) {
  const card_reach widest = reach_of_card(card, false);
  return widest.how <= reach::past
             ? ""
             : concat("its answer to '", widest.slot, "' looks at the whole ", to_text(widest.how));
}

namespace detail {

/// The tokens that a pair needs room for: its last one is only predicted.
inline index_t length_of(const continuation& pair) { return std::ssize(pair.context) + std::ssize(pair.tokens) - 1; }

/// Some pairs as sequences of one length, padded at their ends, with targets where a continuation is predicted.
struct likelihood_rows {
  index_t sequence = 0;
  std::vector<id_type> ids, targets;
  std::vector<id_type> places;  ///< rows that have a target, pair after pair
  std::vector<index_t> lengths;

  void assign(std::span<const continuation> pairs, std::span<const std::size_t> chosen, index_t positions) {
    sequence = 0;
    for (const std::size_t i : chosen) sequence = std::max(sequence, std::min(length_of(pairs[i]), positions));
    ids.assign(chosen.size() * static_cast<std::size_t>(sequence), 0);
    targets.assign(ids.size(), no_target);
    places.clear();
    lengths.clear();
    for (const std::size_t i : chosen) {
      const auto& [context, tokens] = pairs[i];
      const index_t cut = std::max<index_t>(0, length_of(pairs[i]) - positions), first = std::ssize(lengths) * sequence;
      const auto end = std::copy(context.begin() + cut, context.end(), ids.begin() + first);
      std::copy(tokens.begin(), tokens.end() - 1, end);
      const index_t predicts = first + std::ssize(context) - cut - 1;
      std::copy(tokens.begin(), tokens.end(), targets.begin() + predicts);
      for (index_t t = 0; t < std::ssize(tokens); ++t) places.push_back(static_cast<id_type>(predicts + t));
      lengths.push_back(length_of(pairs[i]) - cut);
    }
  }
};

/// Throws data_error for a pair that has no likelihood within so many positions.
inline void check_pairs(std::span<const continuation> pairs, index_t positions) {
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    require<data_error>(!pairs[i].context.empty() && !pairs[i].tokens.empty(), "pair ", i, ": a context of ",
                        pairs[i].context.size(), " and a continuation of ", pairs[i].tokens.size(),
                        " tokens, expected at least 1 of both");
    require<data_error>(std::ssize(pairs[i].tokens) <= positions, "pair ", i, ": a continuation of ",
                        pairs[i].tokens.size(), " tokens, expected at most the ", positions, " positions in use");
  }
}

/// -log p of each target, at the rows `places` of the pass' hidden states. Logits are made of a piece of them at once.
template <class Model, class B>
std::vector<double> losses_at(const Model& model, const context<B>& ctx, const variable<B>& hidden,
                              const id_matrix<B>& targets, std::span<const id_type> places) {
  constexpr std::size_t piece = 512;
  std::vector<double> all;
  for (; !places.empty(); places = places.subspan(std::min(piece, places.size()))) {
    const auto now = places.first(std::min(piece, places.size()));
    const auto rows = id_matrix<B>::from_host({now.begin(), now.end()}, 1, std::ssize(now));
    const variable<B> logits = model.logits(ctx, take_rows(hidden, rows));
    const id_matrix<B> next = take_ids(targets, rows);
    matrix<B> losses(std::ssize(now), 1);
    B::cross_entropy(losses.view(), std::as_const(logits).value().view(), next.view());
    for (const auto loss : losses.to_host()) all.push_back(static_cast<double>(loss));
  }
  return all;
}

}  // namespace detail

/// In the order of `pairs`, as in evaluation: without dropout or dropping, at the step that the model has come to.
/// Pairs of about the same length share a pass. Throws config_error for a card with a likelihood_obstacle; data_error
/// for an empty part, or a continuation longer than the positions; numeric_error for a likelihood that is not finite.
template <class Model>
std::vector<log_likelihood> log_likelihoods(const Model& model, std::span<const continuation> pairs,
                                            const likelihood_options& how = {}) {
  using B = typename Model::backend_type;
  const index_t positions = how.positions == 0 ? model.shape().positions : how.positions;
  require(positions >= 1 && positions <= model.shape().positions, "log_likelihoods: positions is ", how.positions,
          ", expected 1 to the model's ", model.shape().positions, ", or 0 for all of them");
  require(how.batch >= 1, "log_likelihoods: batch is ", how.batch, ", expected at least 1");
  const std::string obstacle = likelihood_obstacle(model.card());
  require(obstacle.empty(), "the card ", text_of_card(model.card()).name,
          " has no likelihoods of continuations: ", obstacle);
  detail::check_pairs(pairs, positions);

  std::vector<std::size_t> order(pairs.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return detail::length_of(pairs[a]) > detail::length_of(pairs[b]);
  });
  std::vector<log_likelihood> all(pairs.size());
  detail::likelihood_rows rows;
  batch<B> data;
  std::span<const std::size_t> left(order);
  for (index_t number = 0; !left.empty(); ++number) {
    const auto now = left.first(std::min(left.size(), static_cast<std::size_t>(how.batch)));
    left = left.subspan(now.size());
    rows.assign(pairs, now, positions);
    data.assign(rows.ids, rows.targets, std::ssize(now), model.shape().vocab, rows.lengths);
    const context<B> ctx = Model::reading(evaluation_context(model, number), data);
    const auto losses = detail::losses_at(model, ctx, model.hidden(ctx), data.targets, std::span(rows.places));
    for (auto loss = losses.begin(); const std::size_t i : now) {
      const index_t tokens = std::ssize(pairs[i].tokens);
      all[i] = {-std::accumulate(loss, loss + tokens, 0.0), tokens,
                std::max<index_t>(0, detail::length_of(pairs[i]) - positions)};
      require<numeric_error>(std::isfinite(all[i].sum), "pair ", i, ": its log-likelihood is not finite");
      loss += tokens;
    }
  }
  return all;
}

}  // namespace gmoe
