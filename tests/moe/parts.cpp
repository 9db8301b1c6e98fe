#include "gmoe/moe/parts.hpp"

#include <doctest/doctest.h>

#include "gmoe/model/cards.hpp"
#include "gmoe/moe/stack.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

using ids = std::vector<id_type>;

/// Choices from outside, for three tokens with two slots each.
struct given {
  using slot = slots::select;
  static inline ids chosen;
  index_t at_most(const layer_shape&) const { return 2; }
  template <class B>
  id_matrix<B> choose(const place<B>&, const routing<B>&) const {
    return id_matrix<B>::from_host(chosen, 3, 2);
  }
};
struct given_later {
  using slot = slots::capacity;
  static inline ids kept;
  template <class B>
  id_matrix<B> keep(const place<B>&, const routing<B>& r) const {
    return kept.empty() ? r.chosen : id_matrix<B>::from_host(kept, 3, 2);
  }
};
struct assigning {
  using slot = slots::form;
  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x) const {
    return parts.experts(at, x, parts.assign(at, id_matrix<B>::from_host(given::chosen, 3, 2)));
  }
};

struct second_block {
  using slot = slots::placement;
  bool has_experts(const sizes&, index_t block) const { return block == 1; }
};

/// The message of a pass of one mixture in block 1; "" if there is none.
template <class Card, class B>
std::string message_of(const ids& chosen, const ids& kept = {}, const replay<B>* recorded = nullptr) {
  given::chosen = chosen;
  given_later::kept = kept;
  sizes s;
  s.d_model = 4;
  s.d_ff = 6;
  s.experts = 4;
  s.layers = 2;
  const moe_stack<Card, B> moe(s);
  context<B> ctx;
  ctx.replay = recorded;
  auto pass = moe.begin(ctx);
  return refusal([&] { moe(pass, 0, variable<B>(put<B>(random_table(3, 4, 1)))); });
}

}  // namespace

TEST_CASE_TEMPLATE("moe/parts: experts that are not there, and the same one twice, are refused", B,
                   GMOE_TEST_BACKENDS) {
  using card = with<smoe_card, given, given_later, second_block>;
  using own = with<card, assigning, no_balance>;
  constexpr id_type none = no_choice;
  const ids good{0, 3, 2, none, none, none};
  CHECK(message_of<card, B>(good) == "");
  CHECK(message_of<own, B>(good) == "");
  CHECK(message_of<card, B>(good, {none, 3, 1, none, none, none}) == "");  // another one instead of the second's

  const std::string beyond = "block 1: token 1 asks for expert 4, expected one of 4 experts, 0 to 3",
                    below = "block 1: token 1 asks for expert -2, expected one of 4 experts, 0 to 3",
                    twice = "block 1: token 2 asks for expert 3 twice, expected every expert at most once";
  CHECK(message_of<card, B>({0, 3, 4, none, 1, 1}) == beyond);
  CHECK(message_of<own, B>({0, 3, 4, none, 1, 1}) == beyond);
  CHECK(message_of<card, B>({0, 3, none, -2, none, none}) == below);
  CHECK(message_of<card, B>({0, 1, 1, 0, 3, 3}) == twice);
  CHECK(message_of<own, B>({0, 1, 1, 0, 3, 3}) == twice);
  // What is dropped again was wrong to begin with, and what chance made of a good choice may be wrong.
  CHECK(message_of<card, B>({0, 1, 1, 0, 3, 3}, {0, 1, 1, 0, 3, none}) == twice);
  CHECK(message_of<card, B>({0, 1, 4, 0, 3, 2}, ids(6, none)) == beyond);
  CHECK(message_of<card, B>({0, 1, 1, 0, 3, 2}, {0, 1, 1, 0, 3, 3}) == twice);
  CHECK(message_of<card, B>({0, 1, 1, 0, 3, 2}, {0, 1, 4, 0, 3, 2}) == beyond);

  replay<B> recorded;
  recorded.layers.push_back({4, put_ids<B>({0, 1, 1, 0, 3, 3}, 3, 2), put_ids<B>({0, 1, 1, 0, 3, none}, 3, 2)});
  CHECK(message_of<card, B>(good, {}, &recorded) == twice);
}
