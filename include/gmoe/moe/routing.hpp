#pragma once
/// Routing is data: the one value that travels between router, selection, experts, balance loss and analysis.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gmoe/autograd/variable.hpp"
#include "gmoe/backend/dispatch.hpp"
#include "gmoe/core/error.hpp"
#include "gmoe/core/literal.hpp"
#include "gmoe/core/recycled.hpp"
#include "gmoe/moe/seen_experts.hpp"
#include "gmoe/ops/valid_rows.hpp"

namespace gmoe {

/// How one layer routed T tokens, or parts of tokens, over its N experts, K slots each. T may be 0.
template <class B>
struct routing {
  index_t block = 0;                 ///< the block of the model
  index_t layer = 0;                 ///< the mixture's number
  index_t number = 0;                ///< among the routings of the mixture in this pass
  std::string_view mixture{};        ///< where a form holds several: "first", "first/second"; empty: of the card itself
  index_t rows_per_token = 1;        ///< of T; the parts of a token follow each other
  index_t experts = 0;               ///< N
  expert_list visible;               ///< the pool's number of each of them
  pool_view pool;                    ///< what else is known of them
  variable<B> input;                 ///< T x d, the router's; kept for the balance loss if that says `reads_input`
  bool pool_is_shared = false;       ///< other layers see the same experts
  std::optional<id_matrix<B>> rows;  ///< 1 x T: which rows of the layer's input the tokens are; absent: all of them
  valid_rows<B> valid;               ///< which rows count; the others choose nobody
  matrix<B> mask;                    ///< 1 x N or T x N, zeros and ones: whom a token may ask; empty: all
  variable<B> logits;                ///< T x N, z
  variable<B> scores;                ///< T x N, p
  id_matrix<B> chosen;               ///< T x K, best first: what the router asked for (`no_choice`: an empty slot)
  id_matrix<B> kept;                 ///< T x K: what it got, after capacity and random rules
  variable<B> weights;               ///< T x K, w; nothing means weight 1
  dispatch<B> pairs;                 ///< `kept` sorted by expert

  /// Something that a policy wants others to see, such as the scores of groups.
  void note(literal name, variable<B> value) const { notes_.push_back({name.text, std::move(value)}); }
  /// Throws config_error, naming what there is, if nobody has noted it.
  const variable<B>& noted(literal name) const {
    for (const auto& n : notes_)
      if (n.name == name.text) return n.value;
    std::string all;
    for (const auto& n : notes_) all += (all.empty() ? "" : ", ") + std::string(n.name);
    throw config_error(concat("block ", block, ": no policy has noted '", name.text, "' in the routing; there ",
                              all.empty() ? "are no notes" : "is ", all));
  }

 private:
  struct named {
    std::string_view name;
    variable<B> value;
  };
  mutable recycled_vector<named> notes_;  // policies see a routing that is constant otherwise
};

/// What a policy hears after an optimiser step: how its layer routed in all training passes of the step together.
struct routing_statistics {
  index_t passes = 0;         ///< forward passes, at least one
  index_t tokens = 0;         ///< of all passes
  index_t pairs = 0;          ///< chosen ones, dropped or not
  std::vector<index_t> load;  ///< N: the pairs that chose each expert
};

}  // namespace gmoe
