#pragma once
/// A batch of token sequences in a backend's memory.

#include <span>

#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/error.hpp"
#include "gmoe/nn/context.hpp"
#include "gmoe/ops/valid_rows.hpp"

namespace gmoe {

/// T = size * sequence tokens, row-major (sequence by sequence), with a target for each or `no_target`.
template <class B>
struct batch {
  index_t size = 0, sequence = 0;
  index_t scored = 0;    ///< positions that have a target
  id_matrix<B> tokens;   ///< 1 x T
  id_matrix<B> targets;  ///< 1 x T, or empty if the batch is only read
  valid_rows<B> valid;   ///< which rows count, where sequences are shorter than `sequence`

  /// Checks every id against the vocabulary and copies them to the backend, into `*this`' memory where it fits. With
  /// `lengths` only the first so many tokens of each sequence count; what follows is padding, which has no targets.
  void assign(std::span<const id_type> ids, std::span<const id_type> aims, index_t sequences, index_t vocab,
              std::span<const index_t> lengths = {}) {
    const auto count = static_cast<index_t>(ids.size());
    require<data_error>(sequences >= 1 && count >= sequences && count % sequences == 0, "a batch of ", count,
                        " tokens cannot be cut into ", sequences, " sequences");
    require<data_error>(aims.empty() || aims.size() == ids.size(), aims.size(), " targets for ", ids.size(), " tokens");
    for (std::size_t i = 0; i < ids.size(); ++i)
      require<data_error>(ids[i] >= 0 && ids[i] < vocab, "token id ", ids[i], " at position ", i,
                          " is outside the vocabulary of ", vocab);
    scored = 0;
    for (std::size_t i = 0; i < aims.size(); ++i) {
      require<data_error>(aims[i] == no_target || (aims[i] >= 0 && aims[i] < vocab), "target id ", aims[i],
                          " at position ", i, " is outside the vocabulary of ", vocab);
      scored += aims[i] != no_target;
    }
    size = sequences;
    sequence = count / sequences;
    mark(aims, lengths);
    copy(tokens, ids);
    copy(targets, aims);
  }

 private:
  void mark(std::span<const id_type> aims, std::span<const index_t> lengths) {
    valid = {};
    if (lengths.empty()) return;
    require<data_error>(std::ssize(lengths) == size, lengths.size(), " lengths for ", size, " sequences");
    valid = valid_rows<B>::of_lengths(lengths, sequence);
    for (std::size_t i = 0; i < aims.size(); ++i)
      require<data_error>(
          aims[i] == no_target || static_cast<index_t>(i) % sequence < lengths[i / static_cast<std::size_t>(sequence)],
          "position ", i, " is padding, but has the target ", aims[i]);
  }
  static void copy(id_matrix<B>& to, std::span<const id_type> from) {
    const auto count = static_cast<index_t>(from.size());
    if (to.size() != count || to.shared()) to = id_matrix<B>(1, count);
    if (count > 0) B::upload(to.data(), from.data(), from.size() * sizeof(id_type));
  }
};

/// `ctx` pointed at a batch.
template <class B>
context<B> reading(context<B> ctx, const batch<B>& data) {
  ctx.batch = data.size;
  ctx.sequence = data.sequence;
  ctx.tokens = data.tokens;
  ctx.valid = data.valid;
  return ctx;
}

}  // namespace gmoe
