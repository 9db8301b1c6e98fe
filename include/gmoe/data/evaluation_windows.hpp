#pragma once
/// Every target of a text once, in order, for evaluation.

#include <algorithm>
#include <cstdint>
#include <span>

#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"

namespace gmoe {

/// Cuts a token sequence into consecutive windows of `sequence` inputs with targets shifted by one. Every token but
/// the first, which nothing precedes, is a target exactly once. The last window may be partial and the last batch may
/// lack windows: such places hold `padding` as input and `no_target` as target. They come last, so that under causal
/// attention no scored place sees them; `lengths` tells routers that compare tokens of a batch what is padding.
///
/// Holds a view: the tokens must outlive it.
template <class Token>
class evaluation_windows {
 public:
  static constexpr id_type padding = 0;

  /// Throws config_error for sequence < 1 or batch < 1, data_error if there are fewer than two tokens.
  evaluation_windows(std::span<const Token> tokens, index_t sequence, index_t batch)
      : tokens_(tokens), sequence_(sequence), batch_(batch) {
    require(sequence >= 1, "evaluation_windows: sequence is ", sequence, ", expected at least 1");
    require(batch >= 1, "evaluation_windows: batch is ", batch, ", expected at least 1");
    require<data_error>(tokens.size() >= 2, "evaluation_windows: the text has ", tokens.size(),
                        " tokens, expected at least 2: an input and its target");
  }

  index_t targets() const { return static_cast<index_t>(tokens_.size()) - 1; }  ///< Scored places in all batches.
  index_t windows() const { return (targets() + sequence_ - 1) / sequence_; }   ///< The partial one included.
  index_t batches() const { return (windows() + batch_ - 1) / batch_; }
  index_t sequence() const { return sequence_; }
  index_t batch_size() const { return batch_; }

  /// Fills the ids of batch `number`: window i's inputs are tokens[i*sequence ...], its targets likewise. Returns how
  /// many targets are scored, at least 1: the weight of the batch's mean loss in the mean over the text.
  /// Throws config_error if there is no such batch or a span does not hold batch * sequence ids. Allocates nothing.
  index_t batch(index_t number, std::span<id_type> tokens, std::span<id_type> targets) const {
    require(number >= 0 && number < batches(), "evaluation_windows: batch ", number, " was asked for, expected 0 to ",
            batches() - 1);
    const index_t ids = batch_ * sequence_;
    require(std::ssize(tokens) == ids && std::ssize(targets) == ids, "evaluation_windows: given room for ",
            tokens.size(), " tokens and ", targets.size(), " targets, expected ", ids, " each (batch ", batch_,
            " * sequence ", sequence_, ")");
    // Consecutive windows lie side by side in the text, so the batch is one run of it.
    const Token* from = tokens_.data() + number * ids;
    const index_t scored = std::min(ids, this->targets() - number * ids);
    std::fill(std::copy_n(from, scored, tokens.begin()), tokens.end(), padding);
    std::fill(std::copy_n(from + 1, scored, targets.begin()), targets.end(), no_target);
    return scored;
  }

  /// How many places of each window of batch `number` are tokens. Throws config_error if there is no such batch or the
  /// span is not for `batch_size` windows.
  void lengths(index_t number, std::span<index_t> of) const {
    require(number >= 0 && number < batches(), "evaluation_windows: batch ", number, " was asked for, expected 0 to ",
            batches() - 1);
    require(std::ssize(of) == batch_, "evaluation_windows: given room for ", of.size(), " lengths, expected ", batch_);
    index_t left = targets() - number * batch_ * sequence_;
    for (index_t& length : of) {
      length = std::clamp<index_t>(left, 0, sequence_);
      left -= length;
    }
  }

 private:
  std::span<const Token> tokens_;
  index_t sequence_, batch_;
};

}  // namespace gmoe
