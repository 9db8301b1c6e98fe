#pragma once
/// Token-expert pairs sorted by expert: what a router's choices look like to the experts.

#include <string>
#include <utility>

#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/error.hpp"

namespace gmoe {

namespace detail {
/// What is wrong with expert e in a slot of the token.
[[noreturn, gnu::noinline, gnu::cold]] inline void refuse_choice(index_t block, index_t token, id_type e,
                                                                 index_t experts) {
  const std::string where =
      concat(block < 0 ? "" : concat("block ", block, ": "), "token ", token, " asks for expert ", e);
  require(is_choice(e, experts), where, ", expected one of ", experts, " experts, 0 to ", experts - 1);
  throw config_error(where + " twice, expected every expert at most once");
}
}  // namespace detail

/// Ids that were sent for, when they are there.
inline const id_type* ids_on_host(const id_type* ids) { return ids; }
template <class Arriving>
const id_type* ids_on_host(const Arriving& ids) {
  return ids.get();
}

/// Whose choices they are: what a message says if one of them is a mistake.
template <class B>
struct choice_origin {
  index_t block = -1;    ///< of the model; -1: of none
  id_matrix<B> asked{};  ///< T x K: what was chosen, where that is not what is sorted
  id_matrix<B> rows{};   ///< 1 x T: the numbers of the tokens, where they are some of many
};

/// The choices of T tokens with K slots each. Pair p = t K + j is slot j of token t.
template <class B>
struct dispatch {
  index_t tokens = 0, slots = 0, experts = 0;
  id_matrix<B> order;           ///< 1 x T K: the kept pairs by expert, in token order within an expert
  id_matrix<B> position;        ///< T x K: where each pair stands in `order`, `no_choice` if it was dropped
  id_matrix<B> offsets;         ///< 1 x (experts + 1): expert e's pairs are order[offsets[e] .. offsets[e+1])
  typename B::host_ids sent{};  ///< the offsets on their way to the host, and behind them the first mistake in `kept`
                                ///< and in `from.asked`; if they were sent for
  id_matrix<B> kept{};          ///< what was sorted
  choice_origin<B> from{};

  /// The offsets on the host, where the sizes of the experts' products are needed. Waits for them. Throws config_error
  /// where a token asks for an expert that is not there, or twice for one.
  typename B::host_ids offsets_on_host() const {
    if (!sent) return B::read_ids(offsets.view());
    const id_type* const mistakes = ids_on_host(sent) + experts + 1;
    if (!from.asked.empty() && mistakes[1] < from.asked.size()) refuse(from.asked, mistakes[1]);
    if (mistakes[0] < kept.size()) refuse(kept, mistakes[0]);
    return sent;
  }
  /// P: the pairs that exist, for which this waits. What is computed for pairs has as many rows.
  index_t count() const {
    const typename B::host_ids first = offsets_on_host();
    return ids_on_host(first)[experts];
  }

 private:
  [[noreturn]] void refuse(const id_matrix<B>& choice, index_t pair) const {
    const index_t t = pair / slots, token = from.rows.empty() ? t : from.rows.to_host()[static_cast<std::size_t>(t)];
    detail::refuse_choice(from.block, token, choice.to_host()[static_cast<std::size_t>(pair)], experts);
  }
};

/// Sorts the pairs of `kept` (T x K) by expert, and sends for the offsets, so that they arrive while other work runs.
/// What is wrong with the choices is seen when the offsets are read.
template <class B>
dispatch<B> sort_by_expert(const id_matrix<B>& kept, index_t experts, choice_origin<B> from = {}) {
  if (std::as_const(from.asked).data() == kept.data()) from.asked = {};
  id_matrix<B> found(1, experts + (from.asked.empty() ? 2 : 3));  // the offsets, and mistakes
  dispatch<B> d{kept.rows(),
                kept.cols(),
                experts,
                id_matrix<B>(1, kept.size()),
                id_matrix<B>(kept.rows(), kept.cols()),
                found.front(experts + 1),
                {},
                kept,
                std::move(from)};
  B::sort_pairs(d.order.view(), d.position.view(), d.offsets.view(), kept.view());
  B::find_mistake(found.view().col_block(experts + 1, 1), kept.view(), experts);
  if (!d.from.asked.empty())
    B::find_mistake(found.view().col_block(experts + 2, 1), std::as_const(d.from.asked).view(), experts);
  d.sent = B::read_ids(std::as_const(found).view());
  return d;
}

/// Experts of a bank as one layer sees them. Expert e owns `units` hidden units, which are rows of w_in and w_out.
template <class T>
struct expert_view {
  matrix_view<T> w_in;                  ///< units of the whole bank x d_model
  matrix_view<T> w_out;                 ///< units of the whole bank x d_model: the transposed second matrix
  const index_t* first_unit = nullptr;  ///< of every expert of the bank, and one past the last
  const id_type* visible = nullptr;     ///< the layer's expert e is the bank's expert visible[e]
  index_t experts = 0;                  ///< number of experts that the layer sees
  index_t widest = 0;                   ///< the largest number of units among them

  index_t begin(index_t e) const { return first_unit[visible[e]]; }
  index_t units(index_t e) const { return first_unit[visible[e] + 1] - first_unit[visible[e]]; }
};

}  // namespace gmoe
