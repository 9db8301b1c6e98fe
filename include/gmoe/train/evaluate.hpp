#pragma once
/// The loss of a model on a text that it was not trained on.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "gmoe/data/evaluation_windows.hpp"
#include "gmoe/data/unigram.hpp"
#include "gmoe/model/evaluation_context.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/ranks/collective.hpp"

namespace gmoe {

/// Loss over a text in the three usual units.
struct evaluation {
  double loss = 0;          ///< nats per token
  double balance_loss = 0;  ///< the card's balance loss
  index_t tokens = 0;       ///< targets scored

  double perplexity() const { return std::exp(loss); }
  double bits_per_token() const { return bits_per_byte(loss); }
};

/// Mean loss over consecutive windows of `tokens`, without dropout or dropping, at the step that the model has come to.
/// `visit(losses)` is called after every batch. `most` limits the number of batches, 0: all. Ranks share the batches,
/// each with a model of its own, and all have the mean of all; a rank's `visit` sees its own batches.
template <class Model, class Token, class Visit, ranks::communicator Ranks = ranks::alone>
evaluation evaluate(const Model& model, std::span<const Token> tokens, index_t sequence, index_t batch_size,
                    index_t most, const Visit& visit, const Ranks& here = {}) {
  using B = typename Model::backend_type;
  struct part {
    double loss, balance_loss;
    index_t tokens;
  };
  const evaluation_windows<Token> windows(tokens, sequence, batch_size);
  std::vector<id_type> ids(static_cast<std::size_t>(batch_size * sequence)), targets(ids.size());
  std::vector<index_t> lengths(static_cast<std::size_t>(batch_size));
  batch<B> data;
  const index_t batches = most > 0 ? std::min(most, windows.batches()) : windows.batches();
  const ranks::leaves share = ranks::share(batches, here.rank(), here.size());
  std::vector<part> parts;
  for (index_t i = share.first; i < share.first + share.count; ++i) {
    const index_t scored = windows.batch(i, ids, targets);
    windows.lengths(i, lengths);
    data.assign(ids, targets, batch_size, model.shape().vocab, lengths);
    context<B> ctx = evaluation_context(model, i);
    const losses<B> l = model.loss(ctx, data);
    parts.push_back({static_cast<double>(l.language.value().item()),
                     l.balance ? static_cast<double>(l.balance.value().item()) : 0.0, scored});
    visit(l);
  }
  if constexpr (ranks::has_others<Ranks>) {
    ranks::message mine;
    mine.put(parts.size());
    mine.put(std::span(std::as_const(parts)));
    parts.clear();
    for (ranks::message& m : ranks::all_messages(here, mine)) {
      const auto theirs = m.template take_many<part>(m.template take<std::size_t>());
      parts.insert(parts.end(), theirs.begin(), theirs.end());
    }
  }
  evaluation result;
  for (const part& p : parts) {  // in the order of the text, whoever had them
    result.loss += p.loss * static_cast<double>(p.tokens);
    result.balance_loss += p.balance_loss * static_cast<double>(p.tokens);
    result.tokens += p.tokens;
  }
  result.loss /= static_cast<double>(result.tokens);
  result.balance_loss /= static_cast<double>(result.tokens);
  return result;
}

template <class Model, class Token>
evaluation evaluate(const Model& model, std::span<const Token> tokens, index_t sequence, index_t batch_size,
                    index_t most = 0) {
  return evaluate(model, tokens, sequence, batch_size, most, [](const auto&) {});
}

}  // namespace gmoe
