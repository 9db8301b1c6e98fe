#pragma once
/// What a model decided on a text: one record per routed layer, token after token. Every metric of this floor reads it.

#include <algorithm>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"

namespace gmoe {

/// The routing decisions of T tokens in L_m routed layers, in depth order.
///
/// Declare the layers once with `add_layer`, then `append` to each of them, batch after batch; tokens stay in
/// reading order and padding is left out. Everything is checked on the way in, so readers need not check again.
class routing_decisions {
 public:
  /// `sequence_length` is S: tokens [0, S), [S, 2S), ... are separate sequences. 0 means one single sequence.
  explicit routing_decisions(index_t sequence_length = 0) : sequence_length_(sequence_length) {
    require(sequence_length >= 0, "routing_decisions: sequence_length is ", sequence_length, ", expected at least 0");
  }

  /// Declares the next routed layer and returns its number.
  /// `block` is its place in depth (strictly increasing), `experts` N, `slots` K, the width of its id rows.
  /// `global_ids` (N distinct ids) names the experts across layers: layers that share a pool repeat the same ids.
  /// Left empty, the layer has a private pool and gets fresh ids, above all ids given so far.
  index_t add_layer(index_t block, index_t experts, index_t slots, std::vector<id_type> global_ids = {}) {
    require(layers_.empty() || layers_.back().block < block, "routing_decisions: block ", block,
            " does not follow block ", layers_.empty() ? -1 : layers_.back().block,
            "; routed layers are declared in depth order");
    require(block >= 0, "routing_decisions: block is ", block, ", expected at least 0");
    require(experts >= 1, "routing_decisions: block ", block, " has ", experts, " experts, expected at least 1");
    require(slots >= 1 && slots <= experts, "routing_decisions: block ", block, " has ", slots,
            " slots per token, expected 1 to ", experts, ", the number of experts");
    if (global_ids.empty())
      for (index_t i = 0; i < experts; ++i) global_ids.push_back(next_global_id_ + static_cast<id_type>(i));
    require(static_cast<index_t>(global_ids.size()) == experts, "routing_decisions: block ", block, " has ", experts,
            " experts but ", global_ids.size(), " global ids");
    std::vector<id_type> sorted = global_ids;
    std::sort(sorted.begin(), sorted.end());
    require(sorted.front() >= 0, "routing_decisions: global id ", sorted.front(), " of block ", block, " is negative");
    require(std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end(), "routing_decisions: block ", block,
            " names two of its experts by one global id");
    next_global_id_ = std::max(next_global_id_, sorted.back() + 1);
    layers_.push_back({block, experts, slots, 0, std::move(global_ids), {}, {}, {}});
    return layers() - 1;
  }

  /// Adds a batch of B tokens to `layer`. `scores` (B x N, row-major) are non-negative; each row is stored divided by
  /// its sum (a row of zeros becomes uniform). `ids` (B x K, row-major) holds the selected set of each token in any
  /// order, `no_choice` in unused slots. The top-1 decision is the largest score, the lower id among equals.
  /// `dropped` counts pairs that a capacity removed; they are not in `ids`.
  void append(index_t layer, std::span<const double> scores, std::span<const id_type> ids, index_t dropped = 0) {
    append_scored(layer, scores, ids, dropped);
  }
  void append(index_t layer, std::span<const float> scores, std::span<const id_type> ids, index_t dropped = 0) {
    append_scored(layer, scores, ids, dropped);
  }

  /// The same for a router without scores, such as hashing: the top-1 decision is the first id of the row.
  void append_unscored(index_t layer, std::span<const id_type> ids, index_t dropped = 0) {
    check_batch(layer, ids, dropped);
    record& r = layers_[layer];
    require<data_error>(r.probabilities.empty(), "routing_decisions: block ", r.block,
                        " has scores for its earlier tokens but none for these");
    std::vector<id_type> first;
    for (auto row = ids.begin(); row != ids.end(); row += r.slots) {
      const auto chosen = std::find_if(row, row + r.slots, [](id_type id) { return id != no_choice; });
      require<data_error>(chosen != row + r.slots, "routing_decisions: token ", r.top1.size() + first.size(),
                          " of block ", r.block, " has neither scores nor an expert, so it has no decision");
      first.push_back(*chosen);
    }
    r.top1.insert(r.top1.end(), first.begin(), first.end());
    r.ids.insert(r.ids.end(), ids.begin(), ids.end());
    r.dropped += dropped;
  }

  /// L_m.
  index_t layers() const { return static_cast<index_t>(layers_.size()); }

  /// T. Throws data_error while the layers do not hold the same number of tokens.
  index_t tokens() const {
    if (layers_.empty()) return 0;
    const std::size_t tokens = layers_.front().top1.size();
    for (const record& r : layers_)
      require<data_error>(r.top1.size() == tokens, "routing_decisions: block ", r.block, " holds ", r.top1.size(),
                          " tokens but block ", layers_.front().block, " holds ", tokens);
    return static_cast<index_t>(tokens);
  }

  /// S, or 0 for one single sequence.
  index_t sequence_length() const { return sequence_length_; }

  index_t block(index_t layer) const { return at(layer).block; }
  index_t experts(index_t layer) const { return at(layer).experts; }
  index_t slots(index_t layer) const { return at(layer).slots; }
  index_t dropped(index_t layer) const { return at(layer).dropped; }
  /// Whether the layer's router gave scores.
  bool scored(index_t layer) const { return !at(layer).probabilities.empty(); }
  /// N global ids.
  std::span<const id_type> global_ids(index_t layer) const { return at(layer).global_ids; }
  /// T top-1 decisions, ids within the layer.
  std::span<const id_type> top1(index_t layer) const { return at(layer).top1; }
  /// T x K selected ids within the layer, `no_choice` in unused slots.
  std::span<const id_type> ids(index_t layer) const { return at(layer).ids; }
  /// The K slots of one token.
  std::span<const id_type> ids(index_t layer, index_t token) const {
    return ids(layer).subspan(token * slots(layer), slots(layer));
  }
  /// T x N probabilities, empty when the layer is not scored.
  std::span<const double> probabilities(index_t layer) const { return at(layer).probabilities; }

 private:
  struct record {
    index_t block, experts, slots, dropped;
    std::vector<id_type> global_ids, top1, ids;
    std::vector<double> probabilities;
  };

  const record& at(index_t layer) const {
    require(layer >= 0 && layer < layers(), "routing_decisions: layer ", layer, " of ", layers(), " was asked for");
    return layers_[layer];
  }

  void check_batch(index_t layer, std::span<const id_type> ids, index_t dropped) const {
    const record& r = at(layer);
    require(static_cast<index_t>(ids.size()) % r.slots == 0, "routing_decisions: ", ids.size(), " ids for block ",
            r.block, " are no multiple of its ", r.slots, " slots per token");
    require(dropped >= 0, "routing_decisions: ", dropped, " dropped pairs in block ", r.block);
    std::vector<std::size_t> last_row(r.experts, 0);  // rows counted from 1, so that 0 means "not yet"
    for (std::size_t n = 0; n < ids.size(); ++n) {
      if (ids[n] == no_choice) continue;
      require<data_error>(ids[n] >= 0 && ids[n] < r.experts, "routing_decisions: expert id ", ids[n], " in block ",
                          r.block, ", expected -1 to ", r.experts - 1);
      const std::size_t row = n / r.slots + 1;
      require<data_error>(last_row[ids[n]] != row, "routing_decisions: expert ", ids[n],
                          " is selected twice by one token of block ", r.block);
      last_row[ids[n]] = row;
    }
  }

  template <class Real>
  void append_scored(index_t layer, std::span<const Real> scores, std::span<const id_type> ids, index_t dropped) {
    check_batch(layer, ids, dropped);
    record& r = layers_[layer];
    const index_t tokens = static_cast<index_t>(ids.size()) / r.slots;
    require(static_cast<index_t>(scores.size()) == tokens * r.experts, "routing_decisions: ", scores.size(),
            " scores for block ", r.block, ", expected ", tokens, " tokens x ", r.experts, " experts");
    require<data_error>(r.top1.empty() || !r.probabilities.empty(), "routing_decisions: block ", r.block,
                        " has no scores for its earlier tokens");
    for (const Real s : scores)
      require<data_error>(s >= 0 && s <= std::numeric_limits<Real>::max(), "routing_decisions: score ", s, " in block ",
                          r.block, ", expected a finite number of at least 0 (probabilities, not logits)");
    for (auto row = scores.begin(); row != scores.end(); row += r.experts) {
      double sum = 0;
      for (auto s = row; s != row + r.experts; ++s) sum += static_cast<double>(*s);
      for (auto s = row; s != row + r.experts; ++s)
        r.probabilities.push_back(sum > 0 ? static_cast<double>(*s) / sum : 1.0 / static_cast<double>(r.experts));
      r.top1.push_back(static_cast<id_type>(std::max_element(row, row + r.experts) - row));
    }
    r.ids.insert(r.ids.end(), ids.begin(), ids.end());
    r.dropped += dropped;
  }

  index_t sequence_length_;
  id_type next_global_id_ = 0;
  std::vector<record> layers_;
};

namespace detail {

/// T, at least 1 and in at least one layer; otherwise a data_error in the name of `who`.
inline index_t some_tokens(const routing_decisions& d, const char* who) {
  require<data_error>(d.layers() > 0, who, ": there is no routed layer to measure");
  const index_t tokens = d.tokens();
  require<data_error>(tokens > 0, who, ": there are no tokens to measure");
  return tokens;
}

}  // namespace detail
}  // namespace gmoe
