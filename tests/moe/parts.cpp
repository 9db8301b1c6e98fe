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

/// Routes the rows of each list alone, one after the other; the others get nothing.
struct by_lists {
  using slot = slots::form;
  static inline std::vector<ids> lists;
  index_t routings(const layer_shape&) const { return std::ssize(lists); }
  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x) const {
    variable<B> y = scale(x, 0);
    for (const ids& list : lists) {
      const auto rows = put_ids<B>(list, 1, std::ssize(list));
      const variable<B> mine = take_rows(x, rows);
      y = add_rows(y, parts.experts(at, mine, parts.route(at, mine, rows)), rows);
    }
    return y;
  }
};
/// The token's id decides.
struct id_router {
  using slot = slots::router;
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x) const {
    table z(x.rows(), at.layer.experts);
    const ids tokens = at.tokens.to_host();
    REQUIRE(std::ssize(tokens) == x.rows());
    for (std::size_t t = 0; t < tokens.size(); ++t) z(static_cast<index_t>(t), tokens[t] % at.layer.experts) = 1;
    return at.constant(put<B>(z));
  }
};
/// Adds up the token ids that it sees; half of the balance loss of Switch.
struct seeing_balance {
  using slot = slots::balance;
  static inline std::vector<ids> seen;
  template <class B>
  variable<B> layer_loss(const place<B>& at, const routing<B>& r) const {
    seen.push_back(at.tokens.to_host());
    CHECK((at.batch == r.chosen.rows() && at.sequence == 1));
    return switch_loss{.alpha = 0.5}.layer_loss(at, r);
  }
};

sizes two_blocks() {
  sizes s;
  s.vocab = 9;
  s.d_model = 4;
  s.d_ff = 6;
  s.experts = 4;
  s.layers = 2;
  return s;
}

/// The message of a pass of one mixture in block 1; "" if there is none.
template <class Card, class B>
std::string message_of(const ids& chosen, const ids& kept = {}, const replay<B>* recorded = nullptr) {
  given::chosen = chosen;
  given_later::kept = kept;
  const moe_stack<Card, B> moe(two_blocks());
  context<B> ctx;
  ctx.replay = recorded;
  auto pass = moe.begin(ctx);
  return refusal([&] { moe(pass, 0, variable<B>(put<B>(random_table(3, 4, 1)))); });
}

}  // namespace

TEST_CASE_TEMPLATE("moe/parts: experts that are not there, and the same one twice, are refused", B,
                   GMOE_TEST_MODULE_BACKENDS) {
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

  // Whom the form sends where is nobody's choice, which a loss could read.
  CHECK(message_of<with<card, assigning>, B>(good) ==
        "block 1: the balance loss reads scores, but the form assigns experts without any; its card takes no_balance");
  const moe_stack<own, B> moe(two_blocks());
  auto pass = moe.begin({});
  given::chosen = good;
  moe(pass, 0, variable<B>(put<B>(random_table(3, 4, 1))));
  CHECK(pass.found().routings.empty());

  replay<B> recorded;
  recorded.layers.push_back({4, put_ids<B>({0, 1, 1, 0, 3, 3}, 3, 2), put_ids<B>({0, 1, 1, 0, 3, none}, 3, 2)});
  CHECK(message_of<card, B>(good, {}, &recorded) == twice);
}

TEST_CASE_TEMPLATE("moe/parts: some rows are routed as if there were no others, and counted", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  using card = with<hash_card, id_router, by_lists, seeing_balance, no_capacity, second_block>;
  by_lists::lists = {{4, 1}, {}, {0, 2, 3}};
  seeing_balance::seen.clear();
  moe_stack<card, B> moe(two_blocks());
  tape<B> t;
  context<B> ctx;
  ctx.tape = &t;
  ctx.sequence = 5;
  ctx.tokens = put_ids<B>({8, 7, 6, 3, 1}, 1, 5);
  parameter<B> x("x", put<B>(random_table(5, 4, 1)));
  auto pass = moe.begin(ctx);
  const variable<B> y = moe(pass, 0, variable<B>(x, &t));
  const auto& all = pass.found().routings;
  REQUIRE(all.size() == 3);
  const std::vector<ids> chosen{{1 % 4, 7 % 4}, {}, {8 % 4, 6 % 4, 3 % 4}};  // the token's id decides
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(all[i].number == static_cast<index_t>(i));
    CHECK(all[i].rows->to_host() == by_lists::lists[i]);
    CHECK(all[i].chosen.to_host() == chosen[i]);
    CHECK(all[i].pairs.count() == std::ssize(chosen[i]));
  }

  // All of them together have been computed, and a token that is alone with an expert is busy for nobody else.
  by_lists::lists = {{0, 1, 2, 3, 4}};
  auto whole = moe.begin(ctx);
  CHECK(difference(get(moe(whole, 0, variable<B>(x, &t)).value()), get(y.value())) < 10 * tolerance<B>);
  // sum_i f_i P_i is 1/2 for two tokens of different experts, nothing for nobody, 1/3 for three.
  CHECK(pass.loss().value().item() == doctest::Approx(0.5 * 4 * (1.0 / 2 + 0 + 1.0 / 3) / 3));
  CHECK(seeing_balance::seen == std::vector<ids>{{1, 7}, {8, 6, 3}});
  step_statistics<B> step;
  step.add(pass.found());
  CHECK(step.of(0, 4).tokens == 5);
  CHECK(step.of(0, 4).pairs == 5);
  CHECK(step.of(0, 4).load == std::vector<index_t>{1, 1, 1, 2});
  t.backward(add(sum(y), pass.loss()));
  CHECK(get(x.gradient()).rows == 5);
}

TEST_CASE_TEMPLATE("moe/parts: a mistake in a choice of some rows names the token", B, GMOE_TEST_MODULE_BACKENDS) {
  using card = with<smoe_card, given, by_lists, second_block>;
  by_lists::lists = {{2, 0, 1}};
  CHECK(message_of<card, B>({0, 1, 2, 2, 1, 0}) ==
        "block 1: token 0 asks for expert 2 twice, expected every expert at most once");
}
