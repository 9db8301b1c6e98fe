#pragma once
/// Where a policy is asked: the first argument of all its functions.

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
  gmoe::findings<B>* found = nullptr;  ///< of this pass; null outside of mixtures
  variable<B> residual{};              ///< the residual stream, where the caller gave it

  /// The same place in the next round of a form that asks its parts several times: what is random there is drawn anew.
  /// Round 0 is the place itself.
  place round(index_t number) const {
    place next = *this;
    if (number > 0) next.random = this->random.fork("round").fork(static_cast<std::uint64_t>(number));
    return next;
  }

  /// The same place for some of its rows, by their numbers (1 x R): what is known of tokens is theirs. They are no
  /// sequences any more: each row is one by itself.
  place of_rows(const id_matrix<B>& rows) const {
    place some = *this;
    some.batch = rows.size();
    some.sequence = 1;
    if (!this->tokens.empty()) some.tokens = take_ids(this->tokens, rows);
    if (residual) some.residual = take_rows(residual, rows);
    return some;
  }

  /// The routings that earlier layers, and this one so far, have made in this pass.
  const recycled_vector<routing<B>>& earlier() const { return of_pass().routings; }
  /// Adds a loss of the policy's own (1 x 1, weighed already) to that of the model.
  void add_loss(literal name, variable<B> value) const {
    require(value && value.rows() == 1 && value.cols() == 1, "the loss '", name.text, "' must be 1 x 1");
    of_pass().losses.push_back({name.text, this->block, std::move(value)});
  }
  /// Adds to a row that after_step sees as `statistics.row(name)`: the sum over all passes of a step.
  void add_statistic(literal name, matrix<B> row) const {
    of_pass().statistics.push_back({name.text, layer.moe_layer, std::move(row)});
  }

 private:
  gmoe::findings<B>& of_pass() const {
    require(found != nullptr, "block ", this->block, ": there are no findings outside of a mixture");
    return *found;
  }
};

}  // namespace gmoe
