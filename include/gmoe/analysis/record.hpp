#pragma once
/// From a model to `routing_decisions`: what it decides while it reads a text.

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "gmoe/analysis/decisions.hpp"
#include "gmoe/data/evaluation_windows.hpp"
#include "gmoe/model/evaluation_context.hpp"
#include "gmoe/model/language_model.hpp"

namespace gmoe {

/// The routing that is a layer's decision: its first; where its form holds mixtures and none is the layer's own, the
/// first of these. None where the layer did not route.
template <class B>
const routing<B>* decision_of_layer(const findings<B>& pass, index_t layer) {
  const routing<B>* found = nullptr;
  for (const routing<B>& r : pass.routings) {
    if (r.layer != layer || r.number != 0) continue;
    if (r.mixture.empty()) return &r;
    if (!found) found = &r;
  }
  return found;
}

namespace detail {

/// Choices of parts of tokens, `parts` of each with `slots` choices, as those of tokens: every expert that any part of
/// it has, once, in the order of the parts.
inline std::vector<id_type> choices_of_tokens(std::span<const id_type> of_parts, index_t parts, index_t slots,
                                              index_t experts) {
  const auto each = static_cast<std::size_t>(parts * slots);
  const auto most = static_cast<std::size_t>(std::min(parts * slots, experts));
  std::vector<id_type> ids(of_parts.size() / each * most, no_choice);
  for (std::size_t token = 0; token * each < of_parts.size(); ++token) {
    const auto first = ids.begin() + static_cast<std::ptrdiff_t>(token * most);
    auto end = first;
    for (const id_type e : of_parts.subspan(token * each, each))
      if (e != no_choice && std::find(first, end, e) == end) *end++ = e;
  }
  return ids;
}

/// The means over the parts of each token, which has as many rows of `columns` numbers.
template <class Real>
std::vector<Real> means_over_parts(const std::vector<Real>& of_parts, index_t parts, index_t columns) {
  const auto n = static_cast<std::size_t>(columns), each = static_cast<std::size_t>(parts) * n;
  std::vector<Real> means(of_parts.size() / static_cast<std::size_t>(parts));
  for (std::size_t i = 0; i < of_parts.size(); ++i)
    means[i / each * n + i % n] += of_parts[i] / static_cast<Real>(parts);
  return means;
}

}  // namespace detail

/// Appends how `model` routed the first `tokens` tokens of a forward pass (padding comes last in a batch); the
/// first call declares the layers. An expert's global id is its number in the model's bank: layers that share a pool
/// agree on the ids, private pools never do. Of a form that routes several times decision_of_layer is taken. Where
/// parts of tokens are routed, a token's scores are the means over its parts, and its experts those that any of its
/// parts asks, each once. A model without mixtures, or whose form chooses nobody, adds
/// nothing.
template <class Model>
void append_routing(routing_decisions& decisions, const Model& model,
                    const findings<typename Model::backend_type>& pass, index_t tokens) {
  if (pass.routings.empty()) return;
  const bool first = decisions.layers() == 0;
  require(first || decisions.layers() == model.moe().layers(), "append_routing: the model has ", model.moe().layers(),
          " mixtures, but the decisions hold ", decisions.layers(), " layers");
  for (index_t layer = 0; layer < model.moe().layers(); ++layer) {
    const auto* found = decision_of_layer(pass, layer);
    require(found != nullptr, "append_routing: mixture number ", layer, " has not routed");
    const auto& r = *found;
    require(!r.rows, "append_routing: block ", r.block, " routes some of its tokens, but decisions are of all");
    const index_t parts = r.rows_per_token, all = r.chosen.rows() / parts;
    require(tokens >= 0 && tokens <= all, "append_routing: ", tokens, " tokens of a batch of ", all, " were asked for");
    const index_t slots = parts == 1 ? r.chosen.cols() : std::min(parts * r.chosen.cols(), r.experts);
    if (first) decisions.add_layer(r.block, r.experts, slots, *r.visible);
    const auto pairs = static_cast<std::size_t>(tokens * slots);
    const auto of_tokens = [&](std::vector<id_type> ids) {
      return parts == 1 ? ids : detail::choices_of_tokens(ids, parts, r.chosen.cols(), r.experts);
    };
    const std::vector<id_type> asked = of_tokens(r.chosen.to_host()), kept = of_tokens(r.kept.to_host());
    const auto given = [&](const std::vector<id_type>& ids) {
      return static_cast<index_t>(pairs) - std::count(ids.begin(), ids.begin() + pairs, no_choice);
    };
    const index_t dropped = given(asked) - given(kept);
    const std::span<const id_type> ids = std::span(kept).first(pairs);
    if (!r.scores) {
      decisions.append_unscored(layer, ids, dropped);
      continue;
    }
    auto scores = r.scores.value().to_host();
    if (parts > 1) scores = detail::means_over_parts(scores, parts, r.experts);
    for (auto& score : scores) score = score < 0 ? 0 : score;  // logits as scores: what is below 0 counts as none
    decisions.append(layer, std::span(std::as_const(scores)).first(static_cast<std::size_t>(tokens * r.experts)), ids,
                     dropped);
  }
}

/// A text as a model read it.
struct routing_record {
  routing_decisions decisions;   ///< no layers if the model has no mixture
  std::vector<id_type> tokens;   ///< T: what was read
  index_t columns = 0;           ///< width of a hidden state
  std::vector<float> hidden;     ///< T x columns: final hidden states, if they were asked for
  std::vector<pool_view> pools;  ///< of each layer, of the routing that decided: what its experts are
};

/// How much of a text to read, and what to keep.
struct record_options {
  index_t sequence = 128;    ///< S: tokens per sequence
  index_t batch = 16;        ///< sequences per forward pass
  index_t most_tokens = 0;   ///< stop after so many; 0: the whole text
  bool keep_hidden = false;  ///< for cluster metrics
};

/// Reads consecutive windows of `text` without dropout or dropping and records every decision. The text's last token,
/// which has no successor to predict, is left out, so that the tokens, and random draws if there are any, are those of
/// `evaluate`.
template <class Model, class Token>
routing_record record_routing(const Model& model, std::span<const Token> text, const record_options& how) {
  using B = typename Model::backend_type;
  require(how.most_tokens >= 0, "record_routing: most_tokens is ", how.most_tokens, ", expected 0 or more");
  const evaluation_windows<Token> windows(text, how.sequence, how.batch);
  const index_t wanted = how.most_tokens > 0 ? std::min(how.most_tokens, windows.targets()) : windows.targets();
  std::vector<id_type> ids(static_cast<std::size_t>(how.batch * how.sequence)), targets(ids.size());
  std::vector<index_t> lengths(static_cast<std::size_t>(how.batch));
  routing_record record{routing_decisions(how.sequence), {}, model.shape().d_model, {}, {}};
  batch<B> data;
  for (index_t number = 0; std::ssize(record.tokens) < wanted; ++number) {
    const index_t scored = windows.batch(number, ids, targets);
    const index_t tokens = std::min(scored, wanted - std::ssize(record.tokens));
    windows.lengths(number, lengths);
    data.assign(ids, {}, how.batch, model.shape().vocab, lengths);
    auto pass = model.begin(Model::reading(evaluation_context(model, number), data));
    const variable<B> hidden = model.hidden(pass);
    append_routing(record.decisions, model, pass.found(), tokens);
    if (number == 0)
      for (index_t l = 0; l < record.decisions.layers(); ++l)
        record.pools.push_back(decision_of_layer(pass.found(), l)->pool);
    record.tokens.insert(record.tokens.end(), ids.begin(), ids.begin() + tokens);
    if (!how.keep_hidden) continue;
    const auto values = hidden.value().to_host();
    record.hidden.insert(record.hidden.end(), values.begin(), values.begin() + tokens * record.columns);
  }
  return record;
}

}  // namespace gmoe
