#pragma once
/// Shuffled windows of a text, for training: batch number `step` is a pure function of (text, sizes, stream, step).

#include <algorithm>
#include <cstdint>
#include <span>

#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"
#include "gmoe/core/random.hpp"
#include "gmoe/data/permutation.hpp"

namespace gmoe {

/// Cuts a token sequence into consecutive windows of `sequence` inputs, the targets being the inputs shifted by one,
/// and serves them in a new random order every epoch. Windows form one endless queue: batch `step` takes its entries
/// step*batch ... step*batch + batch-1, so an epoch's last windows may share a batch with the next epoch's first.
///
/// Each epoch starts cutting at another random offset below `sequence`, so that no byte is always a window's first.
/// Room for that is left by one window: an epoch covers `windows() * sequence` consecutive targets, each once, and
/// misses fewer than 2 * sequence at the text's ends, others in every epoch.
///
/// Holds a view: the tokens must outlive it.
template <class Token>
class shuffled_windows {
 public:
  /// Throws config_error for sequence < 1 or batch < 1, data_error if the text is shorter than one window.
  shuffled_windows(std::span<const Token> tokens, index_t sequence, index_t batch, random_stream stream)
      : tokens_(tokens), sequence_(sequence), batch_(batch), stream_(stream) {
    require(sequence >= 1, "shuffled_windows: sequence is ", sequence, ", expected at least 1");
    require(batch >= 1, "shuffled_windows: batch is ", batch, ", expected at least 1");
    const auto size = static_cast<index_t>(tokens.size());
    require<data_error>(size > sequence, "shuffled_windows: the text has ", size,
                        " tokens, but one window of sequence length ", sequence, " needs ", sequence + 1);
    windows_ = std::max<index_t>(1, size / sequence - 1);
    offsets_ = std::min(sequence, size - windows_ * sequence);
  }

  index_t windows() const { return windows_; }  ///< Windows in an epoch.
  index_t sequence() const { return sequence_; }
  index_t batch_size() const { return batch_; }

  /// Epochs that are complete once `steps` batches are drawn, as a fraction: 2.5 is halfway through the third.
  double epochs(index_t steps) const {
    return static_cast<double>(steps) * static_cast<double>(batch_) / static_cast<double>(windows_);
  }

  /// The first token's position, in the text, of entry `index` of the endless queue of windows. Throws config_error
  /// if index < 0.
  index_t start(index_t index) const {
    require(index >= 0, "shuffled_windows: entry ", index, " was asked for, expected at least 0");
    const random_stream epoch = stream_.fork(static_cast<std::uint64_t>(index / windows_));
    const auto offset = static_cast<index_t>(epoch.fork("offset").below(0, static_cast<std::uint64_t>(offsets_)));
    const random_permutation order(epoch.fork("order"), static_cast<std::uint64_t>(windows_));
    return offset + sequence_ * static_cast<index_t>(order(static_cast<std::uint64_t>(index % windows_)));
  }

  /// Fills the ids of batch `step`: window i's inputs are tokens[i*sequence ...], its targets likewise.
  /// Throws config_error if step < 0 or a span does not hold batch * sequence ids. Allocates nothing.
  void batch(index_t step, std::span<id_type> tokens, std::span<id_type> targets) const {
    require(step >= 0, "shuffled_windows: step ", step, " was asked for, expected at least 0");
    const auto ids = static_cast<std::size_t>(batch_ * sequence_);
    require(tokens.size() == ids && targets.size() == ids, "shuffled_windows: given room for ", tokens.size(),
            " tokens and ", targets.size(), " targets, expected ", ids, " each (batch ", batch_, " * sequence ",
            sequence_, ")");
    for (index_t i = 0; i < batch_; ++i) {
      const Token* from = tokens_.data() + start(step * batch_ + i);
      std::copy_n(from, sequence_, tokens.begin() + i * sequence_);
      std::copy_n(from + 1, sequence_, targets.begin() + i * sequence_);
    }
  }

 private:
  std::span<const Token> tokens_;
  index_t sequence_, batch_;
  random_stream stream_;
  index_t windows_ = 0;  // per epoch
  index_t offsets_ = 0;  // an epoch's offset is in {0, ..., offsets_-1}
};

}  // namespace gmoe
