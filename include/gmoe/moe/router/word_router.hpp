#pragma once
/// Mixture of word experts (dos Santos et al. 2023): the word decides, through a table that is not learned; here the
/// word as far as it has been read.

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/core/random.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/moe/router/balanced_buckets.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/moe/token_table.hpp"
#include "gmoe/nn/builder.hpp"

namespace gmoe {

/// What a word is made of.
enum class word_of {
  bytes,   ///< ids are bytes: letters, digits and all of 128 and more, as long as nothing else comes between
  tokens,  ///< every token is a word of its own
};
constexpr auto names_of(word_of) { return std::array<std::string_view, 2>{"bytes", "tokens"}; }

namespace fn {
/// a + factor b modulo n, for whole a and b below n.
template <class S>
struct add_modulo {
  S n;
  template <class T>
  GMOE_HD T operator()(const T& a, const T& factor, const T& b) const {
    const T sum = a + factor * b;
    return sum - T(n) * step(sum - T(n) + T(0.5));
  }
};
}  // namespace fn

/// z = 1 for the expert of the word so far, 0 for the others; goes with plain_score, top_k and unit_weight. For the
/// token t_0 and those before it in its word, t_1 the nearest, `longest` of them all together:
///
///     expert = (bucket[t_0] + shift_1[t_1] + shift_2[t_2] + ...) mod N
///
/// The table `bucket` is made from how often each token id occurs, `model.prepare(counts)`, so that every expert gets
/// about as many tokens; until then id i is in bucket i mod N. It is saved with the model. shift_j is a fixed table of
/// random numbers below N (tabulation hashing): prefixes of words scatter. All layers have the same table and the same
/// expert for a token, found once per pass.
struct word_router {
  using slot = slots::router;
  static constexpr bool makes_scores = true, reads_ids_alone = true;
  static constexpr reach reaches = reach::past;
  word_of word = word_of::bytes;
  index_t longest = 8;
  static constexpr auto fields =
      std::tuple{field{"word", &word_router::word, "what a word is made of"},
                 field{"longest", &word_router::longest, "tokens of a word that count: its last ones", at_least(1)}};

  template <class B>
  struct shared {
    buffer<B> bucket;   ///< V x 1
    matrix<B> numbers;  ///< 0, 1, ... N - 1
    matrix<B> inside;   ///< V x 1: 1 for ids that may have neighbours in a word
    matrix<B> shifts;   ///< V x (longest - 1)
  };
  template <class B>
  shared<B> make_shared(const builder<B>& make, const layer_shape& l) const {
    shared<B> s{make.table("bucket", l.vocab, l.experts, [&](index_t id) { return id % l.experts; }), {}, {}, {}};
    if (make.mode() == build_mode::shapes_only) return s;
    using scalar = typename B::scalar;
    std::vector<scalar> inside, shifts;
    for (index_t id = 0; id < l.vocab; ++id) {
      inside.push_back(static_cast<scalar>(is_inside(id)));
      for (index_t j = 1; j < longest; ++j) shifts.push_back(static_cast<scalar>(shift(j, id, l.experts)));
    }
    s.numbers = numbers_below<B>(l.experts);
    s.inside = matrix<B>::from_host(inside, l.vocab, 1);
    s.shifts = matrix<B>::from_host(shifts, l.vocab, longest - 1);
    return s;
  }
  /// From how often each token id occurs; one count per id.
  void prepare(std::span<const std::int64_t> counts, const auto& my) const {
    assign_table("word_router", my.shared.bucket, balanced_buckets(counts, my.shared.bucket.choices()));
  }

  /// shift_j of a token id.
  static index_t shift(index_t j, index_t id, index_t experts) {
    return static_cast<index_t>(random_stream(0)
                                    .fork("word_router")
                                    .fork(static_cast<std::uint64_t>(j))
                                    .below(static_cast<std::uint64_t>(id), static_cast<std::uint64_t>(experts)));
  }
  /// Whether a word may go on from the token before to this one, and from this one to the next.
  bool is_inside(index_t id) const {
    if (word == word_of::tokens || id > 255) return false;
    return id >= 128 || (id >= '0' && id <= '9') || (id >= 'A' && id <= 'Z') || (id >= 'a' && id <= 'z');
  }

  /// The experts' marks, the same in all layers of a pass.
  template <class B>
  struct carried {
    variable<B> marks;  ///< T x N
  };
  /// The last token ids that were read, longest - 1 of them.
  template <class B>
  struct cached {
    id_matrix<B> last;
  };

  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    const shared<B>& words = my.shared;
    require(at.layer.experts == words.bucket.choices(), "word_router: block ", at.block, " sees ", at.layer.experts,
            " experts, but the table is made for ", words.bucket.choices());
    require(at.tokens.size() == x.rows() && at.batch * at.sequence == x.rows(), "word_router: ", at.tokens.size(),
            " token ids for ", x.rows(), " tokens; words need the ids in the context");
    if (my.carried.marks) return my.carried.marks;
    const index_t tokens = x.rows();
    using scalar = typename B::scalar;
    matrix<B> expert = look_up(words.bucket, at.tokens), shift(tokens, 1), inside(tokens, 1);
    matrix<B> joined = matrix<B>::filled(tokens, 1, scalar(1));  // to t_0, all the way
    for (index_t j = 1; j < longest; ++j) {
      const auto in_word = [&](const id_matrix<B>& ids) {
        B::gather_rows(inside.view(), words.inside.view(), ids.view(), nullptr, 0, 1);
        B::map(joined.view(), 0, fn::times{}, std::as_const(joined).view(), std::as_const(inside).view());
      };
      if (j == 1) in_word(at.tokens);
      const id_matrix<B> before = back(at, j, my.cached.last);
      in_word(before);
      B::gather_rows(shift.view(), words.shifts.view().col_block(j - 1, 1), before.view(), nullptr, 0, 1);
      B::map(expert.view(), 0, fn::add_modulo<scalar>{static_cast<scalar>(at.layer.experts)},
             std::as_const(expert).view(), std::as_const(joined).view(), std::as_const(shift).view());
    }
    if (at.cache) my.cached.last = read_so_far(at, my.cached.last);
    return my.carried.marks = at.constant(marks_of(expert, words.numbers));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(has_logits_for_scores<Card>,
                  "gmoe: word_router has decided already, by ones and zeros: its card takes plain_score");
    static_assert(
        !has_balance<Card>,
        "gmoe: word_router learns nothing, so that a balance loss would have no effect: its card takes no_balance");
    return true;
  }

 private:
  template <class B>
  static void copy(id_type* to, const id_matrix<B>& from, index_t first, index_t count) {
    if (count > 0) B::copy(to, from.data() + first, static_cast<std::size_t>(count) * sizeof(id_type));
  }
  /// The ids j places before each token in its sequence; of those before the first row, what was read, or no_choice.
  template <class B>
  static id_matrix<B> back(const place<B>& at, index_t j, const id_matrix<B>& last) {
    const index_t tokens = at.tokens.size(), old = std::min(j, at.sequence);
    id_matrix<B> ids(at.batch, at.sequence);
    copy(ids.data() + j, at.tokens, 0, tokens - j);
    B::fill(ids.view().col_block(0, old), no_choice);
    const index_t missing = std::max<index_t>(0, j - last.size());
    copy(ids.data() + missing, last, last.size() - j + missing, old - missing);
    return ids;
  }
  template <class B>
  id_matrix<B> read_so_far(const place<B>& at, const id_matrix<B>& last) const {
    const index_t keep = std::min(longest - 1, last.size() + at.tokens.size());
    const index_t fresh = std::min(keep, at.tokens.size()), kept = keep - fresh;
    id_matrix<B> ids(1, keep);
    copy(ids.data(), last, last.size() - kept, kept);
    copy(ids.data() + kept, at.tokens, at.tokens.size() - fresh, fresh);
    return ids;
  }
};

}  // namespace gmoe
