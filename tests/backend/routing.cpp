#include <doctest/doctest.h>

#include <numeric>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

using ids = std::vector<id_type>;
constexpr id_type none = no_choice;

/// Choices of `slots` different experts for each token; every `hole`-th pair is empty.
ids random_choices(index_t tokens, index_t slots, index_t experts, index_t hole, std::uint64_t seed) {
  ids choice;
  const random_stream random(seed);
  for (index_t t = 0; t < tokens; ++t) {
    ids all(static_cast<std::size_t>(experts));
    std::iota(all.begin(), all.end(), 0);
    std::sort(all.begin(), all.end(), [&](id_type a, id_type b) {
      const auto key = [&](id_type e) { return random.uniform(static_cast<std::uint64_t>(t * experts + e)); };
      return key(a) < key(b);
    });
    for (index_t j = 0; j < slots; ++j)
      choice.push_back(hole > 0 && (t * slots + j) % hole == hole - 1 ? none : all[static_cast<std::size_t>(j)]);
  }
  return choice;
}

}  // namespace

TEST_CASE_TEMPLATE("backend/routing: the k largest of each row, best first", B, GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    for (index_t experts : {1, 2, 8, 37})
      for (index_t k : {index_t{1}, index_t{2}, experts}) {
        if (k > experts) continue;
        for (index_t rows : {1, 5, 1000}) {
          CAPTURE(experts);
          CAPTURE(k);
          const table scores = random_table(rows, experts, 1);
          const framed<B> f(scores);
          id_matrix<B> choice(rows, k);
          B::top_k_rows(choice.view(), f.in());
          ids expected;
          for (index_t i = 0; i < rows; ++i) {
            ids order(static_cast<std::size_t>(experts));
            std::iota(order.begin(), order.end(), 0);
            std::stable_sort(order.begin(), order.end(),
                             [&](id_type a, id_type b) { return scores(i, a) > scores(i, b); });
            expected.insert(expected.end(), order.begin(), order.begin() + k);
          }
          REQUIRE(choice.to_host() == expected);
        }
      }
  });
}

TEST_CASE_TEMPLATE("backend/routing: ties go to the lower index; infinities are numbers", B, GMOE_TEST_BACKENDS) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  const table scores(5, 4, {1,    1,    1,   1,     //
                            0,    2,    2,   1,     //
                            3,    1,    3,   3,     //
                            -inf, -inf, 0,   -inf,  //
                            0.0,  -0.0, inf, inf});
  id_matrix<B> two(5, 2), all(5, 4);
  B::top_k_rows(two.view(), put<B>(scores).view());
  CHECK(two.to_host() == ids{0, 1, 1, 2, 0, 2, 2, 0, 2, 3});
  B::top_k_rows(all.view(), put<B>(scores).view());
  CHECK(all.to_host() == ids{0, 1, 2, 3, 1, 2, 3, 0, 0, 2, 3, 1, 2, 0, 1, 3, 2, 3, 0, 1});
}

TEST_CASE_TEMPLATE("backend/routing: a NaN is chosen before every number, the lower index first", B,
                   GMOE_TEST_BACKENDS) {
  constexpr double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  const table scores(9, 4, {nan,  nan,  nan,  nan,   //
                            0.1,  nan,  0.7,  0.2,   //
                            nan,  inf,  nan,  -inf,  //
                            inf,  0,    -inf, nan,   //
                            -inf, nan,  -inf, -inf,  //
                            -nan, nan,  2,    3,     //
                            0.0,  -0.0, nan,  -0.0,  //
                            -0.0, 0.0,  -0.0, 0.0,   //
                            5,    5,    nan,  5});
  const ids ranks{0, 1, 2, 3, 1, 2, 3, 0, 0, 2, 1, 3, 3, 0, 1, 2, 1, 0,
                  2, 3, 0, 1, 3, 2, 2, 0, 1, 3, 0, 1, 2, 3, 2, 0, 1, 3};
  with_threads<B>([&] {
    for (index_t k : {1, 2, 3, 4}) {
      id_matrix<B> choice(9, k);
      B::top_k_rows(choice.view(), put<B>(scores).view());
      ids expected;
      for (std::size_t i = 0; i < 9; ++i)
        for (std::size_t j = 0; j < static_cast<std::size_t>(k); ++j) expected.push_back(ranks[4 * i + j]);
      CAPTURE(k);
      CHECK(choice.to_host() == expected);
    }
    // More columns than a team has workers, and NaNs anywhere among them: always k different ones.
    table wide = random_table(50, 100, 4);
    for (index_t i = 0; i < 50; ++i)
      for (index_t n = 0; n < i; ++n) wide(i, (7 * n + i) % 100) = n % 3 == 0 ? -nan : nan;
    id_matrix<B> choice(50, 30);
    B::top_k_rows(choice.view(), put<B>(wide).view());
    ids expected;
    for (index_t i = 0; i < 50; ++i) {
      ids order(100);
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](id_type a, id_type b) {
        const auto key = [&](id_type e) { return std::isnan(wide(i, e)) ? inf : wide(i, e); };
        return key(a) > key(b);
      });
      expected.insert(expected.end(), order.begin(), order.begin() + 30);
    }
    CHECK(choice.to_host() == expected);
  });
}

TEST_CASE_TEMPLATE("backend/routing: the share of each expert in the pairs that there are", B, GMOE_TEST_BACKENDS) {
  using scalar = typename B::scalar;
  const auto shares = [](const ids& choice, index_t rows, index_t cols, index_t first, index_t count) {
    const id_matrix<B> all = put_ids<B>(choice, rows, cols);
    matrix<B> fraction = put<B>(table(1, 3, not_a_number));
    B::choice_fractions(fraction.view(), std::as_const(all).view().col_block(first, count));
    return fraction.to_host();
  };
  const ids choice{0, none, none, none, 2, 0, none, 1, 0, 0};
  CHECK(shares(choice, 5, 2, 0, 2) ==
        std::vector<scalar>{scalar(1.0 / 6) * 4, scalar(1.0 / 6) * 1, scalar(1.0 / 6) * 1});
  CHECK(shares(choice, 5, 2, 0, 1) == std::vector<scalar>{scalar(1.0 / 3) * 2, 0, scalar(1.0 / 3) * 1});
  CHECK(shares(choice, 5, 2, 1, 1) == std::vector<scalar>{scalar(1.0 / 3) * 2, scalar(1.0 / 3) * 1, 0});
  CHECK(shares(ids(10, none), 5, 2, 0, 2) == std::vector<scalar>(3, 0));
  CHECK(shares({}, 0, 2, 0, 2) == std::vector<scalar>(3, 0));
}

TEST_CASE_TEMPLATE("backend/routing: room by a rule, from the pairs that there are", B, GMOE_TEST_BACKENDS) {
  // Six pairs of four tokens: five want expert 0, one expert 1. Four slots are empty, two of them the fourth token's.
  const ids asked{0, 1, 0, none, 0, none, none, none, 0, 0};
  const auto limited = [&](const ids& kept, double factor, room how, priority order) {
    id_matrix<B> choice = put_ids<B>(kept, 5, 2);
    const id_matrix<B> all = put_ids<B>(asked, 5, 2);
    B::limit_capacity(choice.view(), 2, all.view(), capacity_rule{factor, how}, order);
    return choice.to_host();
  };
  const auto by_number = [&](index_t capacity, priority order) {
    id_matrix<B> choice = put_ids<B>(asked, 5, 2);
    B::limit_capacity(choice.view(), 2, capacity, order);
    return choice.to_host();
  };
  for (priority order : {priority::token_order, priority::choice_order, priority::within_choice}) {
    CHECK(limited(asked, 1, room::rounded_up, order) == by_number(3, order));  // ceil(6 / 2)
    CHECK(limited(asked, 0.9, room::exact, order) == by_number(2, order));     // floor(0.9 * 3)
    CHECK(limited(asked, 1, room::tokens, order) == by_number(2, order));      // floor(4 / 2): tokens with a pair
    CHECK(limited(asked, 1e300, room::exact, order) == asked);
    CHECK(limited(asked, 0.1, room::exact, order) == ids(10, none));
  }
  // Chance may have taken pairs before: the room is still that of what was asked for.
  ids fewer = asked;
  fewer[1] = fewer[9] = none;
  CHECK(limited(fewer, 1, room::rounded_up, priority::token_order) ==
        ids{0, none, 0, none, 0, none, none, none, none, none});
  id_matrix<B> nothing(0, 2);
  B::limit_capacity(nothing.view(), 2, std::as_const(nothing).view(), capacity_rule{}, priority::token_order);
}

TEST_CASE_TEMPLATE("backend/routing: a weight that is NaN is kept, infinities are numbers", B, GMOE_TEST_BACKENDS) {
  constexpr double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  const table weights(6, 2, {0, nan, 0, -nan, 0, inf, 0, -inf, 0, 0.0, 0, -0.0});
  id_matrix<B> choice = put_ids<B>(ids(12, 1), 6, 2);
  B::keep_randomly(choice.view(), put<B>(weights).view(), 1, random_stream(5));
  CHECK(choice.to_host() == ids{1, 1, 1, 1, 1, 1, 1, none, 1, none, 1, none});
}

TEST_CASE_TEMPLATE("backend/routing: counting the choices of each expert", B, GMOE_TEST_BACKENDS) {
  const ids choice = random_choices(50, 2, 5, 7, 2);
  table expected(1, 6);  // nobody chooses expert 5
  for (id_type e : choice)
    if (e != none) expected(0, e) += 0.25;
  matrix<B> count = put<B>(table(1, 6, not_a_number));
  B::count_choices(count.view(), typename B::scalar(0.25), put_ids<B>(choice, 50, 2).view());
  CHECK(get(count).values == expected.values);
}

TEST_CASE_TEMPLATE("backend/routing: capacity by token, by choice, and within each choice", B, GMOE_TEST_BACKENDS) {
  //        token 0  1      2      3         4      5
  const ids choice{0, 1, 0, 1, 1, 0, none, 0, 0, 1, 1, 0};
  const auto limited = [&](index_t capacity, priority order) {
    id_matrix<B> kept = put_ids<B>(choice, 6, 2).clone();
    B::limit_capacity(kept.view(), 2, capacity, order);
    return kept.to_host();
  };
  CHECK(limited(2, priority::token_order) == ids{0, 1, 0, 1, none, none, none, none, none, none, none, none});
  CHECK(limited(2, priority::choice_order) == ids{0, none, 0, none, 1, none, none, none, none, none, 1, none});
  CHECK(limited(2, priority::within_choice) == ids{0, 1, 0, 1, 1, 0, none, 0, none, none, 1, none});
  CHECK(limited(1, priority::choice_order) == ids{0, none, none, none, 1, none, none, none, none, none, none, none});
  for (priority order : {priority::token_order, priority::choice_order, priority::within_choice}) {
    CHECK(limited(6, order) == choice);
    CHECK(limited(0, order) == ids(12, none));
  }
}

TEST_CASE_TEMPLATE("backend/routing: capacity keeps the first of every expert, for many pairs", B, GMOE_TEST_BACKENDS) {
  const index_t tokens = 500, slots = 3, experts = 7, capacity = 150;
  const ids choice = random_choices(tokens, slots, experts, 11, 3);
  for (priority order : {priority::token_order, priority::choice_order, priority::within_choice}) {
    ids expected = choice;
    std::vector<std::vector<index_t>> taken(static_cast<std::size_t>(slots),
                                            std::vector<index_t>(static_cast<std::size_t>(experts)));
    const auto visit = [&](index_t t, index_t j) {
      id_type& e = expected[static_cast<std::size_t>(t * slots + j)];
      if (e == none) return;
      index_t& count =
          taken[order == priority::within_choice ? static_cast<std::size_t>(j) : 0][static_cast<std::size_t>(e)];
      if (count == (order == priority::within_choice ? capacity / 3 : capacity))
        e = none;
      else
        ++count;
    };
    if (order == priority::token_order)
      for (index_t p = 0; p < tokens * slots; ++p) visit(p / slots, p % slots);
    else
      for (index_t p = 0; p < tokens * slots; ++p) visit(p % tokens, p / tokens);
    REQUIRE(expected != choice);
    id_matrix<B> kept = put_ids<B>(choice, tokens, slots).clone();
    B::limit_capacity(kept.view(), experts, order == priority::within_choice ? capacity / 3 : capacity, order);
    CHECK(kept.to_host() == expected);
  }
}

TEST_CASE_TEMPLATE("backend/routing: a choice is kept with probability 2 w, drawn at its token's counter", B,
                   GMOE_TEST_BACKENDS) {
  const index_t tokens = 4000;
  const table weights = random_table(tokens, 2, 5, 0, 0.6);
  const random_stream random = random_stream(11).fork("kept");
  id_matrix<B> choice = put_ids<B>(ids(static_cast<std::size_t>(tokens * 2), 3), tokens, 2).clone();
  B::keep_randomly(choice.view(), put<B>(weights).view(), 1, random);
  const ids kept = choice.to_host();
  index_t count = 0;
  double expected = 0;
  for (index_t t = 0; t < tokens; ++t) {
    const auto i = static_cast<std::size_t>(2 * t);
    REQUIRE(kept[i] == 3);  // first choices stay
    REQUIRE(kept[i + 1] == (2 * weights(t, 1) > random.uniform(static_cast<std::uint64_t>(t)) ? 3 : none));
    count += kept[i + 1] == 3;
    expected += std::min(1.0, 2 * weights(t, 1));
  }
  CHECK(std::abs(static_cast<double>(count) - expected) < 4 * std::sqrt(tokens * 0.25));
}

TEST_CASE_TEMPLATE("backend/routing: pairs sorted by expert, in token order within an expert", B, GMOE_TEST_BACKENDS) {
  const index_t experts = 5;
  const ids everybody(12, 3), nobody(12, none);
  for (const ids& choice : {random_choices(6, 2, 5, 5, 6), random_choices(6, 2, 3, 0, 7), everybody, nobody, ids{}}) {
    const auto pairs = static_cast<index_t>(choice.size());
    id_matrix<B> order = put_ids<B>(ids(choice.size(), -7), 1, pairs).clone(),
                 position = put_ids<B>(ids(choice.size(), -7), pairs / 2, 2).clone(), offsets(1, experts + 1);
    B::sort_pairs(order.view(), position.view(), offsets.view(), put_ids<B>(choice, pairs / 2, 2).view());

    ids expected_order, expected_offsets{0}, expected_position(choice.size(), none);
    for (id_type e = 0; e < experts; ++e) {
      for (std::size_t p = 0; p < choice.size(); ++p)
        if (choice[p] == e) {
          expected_position[p] = static_cast<id_type>(expected_order.size());
          expected_order.push_back(static_cast<id_type>(p));
        }
      expected_offsets.push_back(static_cast<id_type>(expected_order.size()));
    }
    ids kept = order.to_host();
    kept.resize(expected_order.size());
    CHECK(kept == expected_order);
    CHECK(position.to_host() == expected_position);
    CHECK(offsets.to_host() == expected_offsets);
  }
}

TEST_CASE_TEMPLATE("backend/routing: the first pair that names no expert or repeats one", B, GMOE_TEST_BACKENDS) {
  const auto first = [](const ids& choice, index_t slots) {
    id_matrix<B> found = put_ids<B>({-7}, 1, 1).clone();
    B::find_mistake(found.view(), put_ids<B>(choice, std::ssize(choice) / slots, slots).view(), 3);
    return found.to_host()[0];
  };
  with_threads<B>([&] {
    CHECK(first({0, 1, 2, none, none, none, 1, 0}, 2) == 8);  // none: the number of pairs
    CHECK(first({0, 1, 2, 2, 1, 1}, 2) == 3);
    CHECK(first({0, 1, 3, 3, 1, 1}, 2) == 2);
    CHECK(first({none, -2, 1, 1}, 2) == 1);
    CHECK(first({0, 0, 0, 2, 5}, 1) == 4);
    CHECK(first({0, 1, 2, none, none, none, 2, none, 0, 1, none, 1}, 6) == 11);
    CHECK(first({}, 2) == 0);
    ids many(3000);
    for (std::size_t p = 0; p < many.size(); ++p) many[p] = static_cast<id_type>(p % 3);
    CHECK(first(many, 3) == 3000);
    many[2500] = many[2499];  // both of one token
    many[2900] = 7;
    CHECK(first(many, 3) == 2500);
  });
}

TEST_CASE_TEMPLATE("backend/routing: ids that are mistakes count as empty until they are found", B,
                   GMOE_TEST_BACKENDS) {
  using scalar = typename B::scalar;
  const id_matrix<B> wrong = put_ids<B>({0, 9, -2, 1, 2, 0}, 3, 2);
  matrix<B> count = put<B>(table(1, 3, not_a_number)), picked = put<B>(table(3, 2, not_a_number));
  B::count_choices(count.view(), scalar(1), wrong.view());
  CHECK(count.to_host() == std::vector<scalar>{2, 1, 1});
  matrix<B> scores = put<B>(table(3, 3, {1, 2, 3, 4, 5, 6, 7, 8, 9}));
  B::gather_elements(picked.view(), scores.view(), wrong.view());
  CHECK(picked.to_host() == std::vector<scalar>{1, 0, 0, 5, 9, 7});
  B::scatter_add_elements(scores.view(), picked.view(), wrong.view());
  CHECK(scores.to_host() == std::vector<scalar>{2, 2, 3, 4, 10, 6, 14, 8, 18});
  B::one_hot(scores.view(), wrong.view());
  CHECK(scores.to_host() == std::vector<scalar>{1, 0, 0, 0, 1, 0, 1, 0, 1});
  id_matrix<B> limited = wrong.clone(), order(1, 6), position(3, 2), offsets(1, 4);
  B::limit_capacity(limited.view(), 3, 1, priority::token_order);
  CHECK(limited.to_host() == ids{0, 9, -2, 1, 2, none});
  B::sort_pairs(order.view(), position.view(), offsets.view(), wrong.view());
  CHECK(position.to_host() == ids{0, none, none, 2, 3, 1});
  CHECK(offsets.to_host() == ids{0, 2, 3, 4});
}
