#pragma once
/// Where a policy is asked: the first argument of all its functions.

#include <algorithm>
#include <cstddef>
#include <span>
#include <string_view>

#include "gmoe/core/literal.hpp"
#include "gmoe/moe/findings.hpp"
#include "gmoe/moe/layer_shape.hpp"
#include "gmoe/nn/context.hpp"
#include "gmoe/ops/rows_by_id.hpp"

namespace gmoe {

/// The pass's context (training or not, step, token ids, random streams, the tape through `use`) and the layer's shape.
template <class B>
struct place : context<B> {
  const layer_shape& layer;
  gmoe::findings<B>* found = nullptr;   ///< of this pass; null outside of mixtures
  variable<B> residual{};               ///< the residual stream, where the caller gave it
  std::size_t up_to = std::size_t(-1);  ///< routings of the pass that are seen
  index_t rows_per_token = 1;           ///< more where the rows at hand are parts of tokens

  /// The same place in the next round of a form that asks its parts several times: what is random there is drawn anew,
  /// and what policies keep from position to position is that of the round. Round 0 is the place itself.
  place round(index_t number) const {
    place next = *this;
    if (number == 0) return next;
    next.random = this->random.fork("round").fork(static_cast<std::uint64_t>(number));
    next.round_number = 1024 * this->round_number + number;  // rounds within rounds
    return next;
  }

  /// The same place for rows that are parts of tokens, so many of each, which follow each other: sequences are longer
  /// by that. Ids of tokens and the residual stream stay those of tokens.
  place of_parts(index_t parts) const {
    place cut = *this;
    cut.rows_per_token = parts;
    cut.sequence = parts * this->sequence;
    if (!this->valid.all()) cut.valid = this->valid.spread(parts * this->valid.mask.rows());
    return cut;
  }

  /// The same place for some of its rows, by their numbers (1 x R): what is known of tokens is theirs. They are no
  /// sequences any more: each row is one by itself, and its random draws go by its place among them.
  place of_rows(const id_matrix<B>& rows) const {
    place some = *this;
    some.batch = rows.size();
    some.sequence = 1;
    some.first_sample = this->first_sample * this->sequence;  // no pass of a step draws what another does
    some.valid = this->valid.of(rows);
    if (!this->tokens.empty()) some.tokens = take_ids(this->tokens, rows);
    if (residual) some.residual = take_rows(residual, rows);
    return some;
  }

  /// The routings that earlier layers, and this one so far, have made in this pass, those of all mixtures of a form; in
  /// a layer's balance loss, those up to its own.
  std::span<const routing<B>> earlier() const {
    const auto& all = of_pass().routings;
    return std::span(all.data(), std::min(all.size(), up_to));
  }
  /// Adds a loss of the policy's own (1 x 1, weighed already) to that of the model.
  void add_loss(literal name, variable<B> value) const {
    require(value && value.rows() == 1 && value.cols() == 1, "the loss '", name.text, "' must be 1 x 1");
    of_pass().losses.push_back({name.text, this->block, std::move(value), this->mixture});
  }
  /// Adds to a row that after_step sees as `statistics.row(name)`: the sum over all passes of a step.
  void add_statistic(literal name, matrix<B> row) const {
    of_pass().statistics.push_back({name.text, layer.moe_layer, std::move(row), this->mixture});
  }
  /// From attention to the mixture of its block: how much each token matters to it, T x 1 of numbers in [0, 1].
  void tell_importance(matrix<B> of_rows) const { of_pass().told = {this->block, std::move(of_rows)}; }
  /// What attention told of the `rows` tokens at hand. Throws config_error where the pass has no attention that tells
  /// it, or where the rows are not its tokens.
  const matrix<B>& importance(index_t rows) const {
    const auto& told = of_pass().told;
    require(told.block == this->block, "block ", this->block,
            ": the mixture asks how important tokens are, but no attention of the block has told it");
    require(told.of_rows.rows() == rows, "block ", this->block, ": attention told how important ", told.of_rows.rows(),
            " tokens are, but the mixture routes ", rows, " rows");
    return told.of_rows;
  }

 private:
  gmoe::findings<B>& of_pass() const {
    require(found != nullptr, "block ", this->block, ": there are no findings outside of a mixture");
    return *found;
  }
};

}  // namespace gmoe
