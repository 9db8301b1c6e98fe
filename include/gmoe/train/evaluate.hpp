#pragma once
/// The loss of a model on a text that it was not trained on.

#include <cmath>
#include <span>
#include <vector>

#include "gmoe/data/evaluation_windows.hpp"
#include "gmoe/data/unigram.hpp"
#include "gmoe/model/evaluation_context.hpp"
#include "gmoe/model/language_model.hpp"

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
/// `visit(losses)` is called after every batch. `most` limits the number of batches, 0: all.
template <class Model, class Token, class Visit>
evaluation evaluate(const Model& model, std::span<const Token> tokens, index_t sequence, index_t batch_size,
                    index_t most, const Visit& visit) {
  using B = typename Model::backend_type;
  const evaluation_windows<Token> windows(tokens, sequence, batch_size);
  std::vector<id_type> ids(static_cast<std::size_t>(batch_size * sequence)), targets(ids.size());
  std::vector<index_t> lengths(static_cast<std::size_t>(batch_size));
  batch<B> data;
  evaluation result;
  double total = 0, balance = 0;
  const index_t batches = most > 0 ? std::min(most, windows.batches()) : windows.batches();
  for (index_t i = 0; i < batches; ++i) {
    const index_t scored = windows.batch(i, ids, targets);
    windows.lengths(i, lengths);
    data.assign(ids, targets, batch_size, model.shape().vocab, lengths);
    context<B> ctx = evaluation_context(model, i);
    const losses<B> l = model.loss(ctx, data);
    total += static_cast<double>(l.language.value().item()) * static_cast<double>(scored);
    if (l.balance) balance += static_cast<double>(l.balance.value().item()) * static_cast<double>(scored);
    result.tokens += scored;
    visit(l);
  }
  result.loss = total / static_cast<double>(result.tokens);
  result.balance_loss = balance / static_cast<double>(result.tokens);
  return result;
}

template <class Model, class Token>
evaluation evaluate(const Model& model, std::span<const Token> tokens, index_t sequence, index_t batch_size,
                    index_t most = 0) {
  return evaluate(model, tokens, sequence, batch_size, most, [](const auto&) {});
}

}  // namespace gmoe
