#pragma once
/// Hash routing (Roller et al. 2021): the token id decides, through a table that is not learned.

#include <span>

#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/router/balanced_buckets.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/moe/token_table.hpp"
#include "gmoe/nn/builder.hpp"

namespace gmoe {

/// z = 1 for the expert in the table's entry of the token's id, 0 for the others; goes with plain_score, top_k and
/// unit_weight. One table for all layers, saved with the model. It is made from how often each token id occurs in the
/// training text, before training: `model.prepare(counts)`. Until then id i goes to expert i mod N.
struct hash_router {
  using slot = slots::router;
  static constexpr bool makes_scores = true, reads_ids_alone = true;

  template <class B>
  struct shared {
    buffer<B> bucket;   ///< V x 1: the expert of every token id
    matrix<B> numbers;  ///< 0, 1, ... N - 1

    /// Any table: the expert of each token id.
    void assign(std::span<const id_type> table) { assign_table("hash_router", bucket, table); }
  };
  template <class B>
  shared<B> make_shared(const builder<B>& make, const layer_shape& l) const {
    shared<B> s{make.table("bucket", l.vocab, l.experts, [&](index_t id) { return id % l.experts; }), {}};
    if (make.mode() != build_mode::shapes_only) s.numbers = numbers_below<B>(l.experts);
    return s;
  }
  /// From how often each token id occurs; one count per id.
  void prepare(std::span<const std::int64_t> counts, const auto& my) const {
    my.shared.assign(balanced_buckets(counts, my.shared.bucket.choices()));
  }

  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    const shared<B>& hash = my.shared;
    require(at.layer.experts == hash.bucket.choices(), "hash_router: block ", at.block, " sees ", at.layer.experts,
            " experts, but the table is made for ", hash.bucket.choices());
    require(at.tokens.size() == x.rows(), "hash_router: ", at.tokens.size(), " token ids for ", x.rows(),
            " tokens; hashing needs the ids in the context");
    return at.constant(marks_of(look_up(hash.bucket, at.tokens), hash.numbers));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(has_logits_for_scores<Card>,
                  "gmoe: hash_router has decided already, by ones and zeros: its card takes plain_score");
    static_assert(
        !has_balance<Card>,
        "gmoe: hash_router learns nothing, so that a balance loss would have no effect: its card takes no_balance");
    return true;
  }
};

}  // namespace gmoe
