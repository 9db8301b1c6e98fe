#include <doctest/doctest.h>

#include <numeric>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

using ids = std::vector<id_type>;
constexpr double nan_score = not_a_number, inf = std::numeric_limits<double>::infinity();

/// Scores with ties, infinities and NaNs among them.
table awkward_scores(index_t rows, index_t cols, std::uint64_t seed) {
  table t = random_table(rows, cols, seed);
  const random_stream random(seed + 1000);
  for (std::size_t i = 0; i < t.values.size(); ++i) {
    const auto kind = random.below(i, 12);
    double& v = t.values[i];
    if (kind < 4) v = std::round(2 * v) / 2;
    if (kind == 5) v = -0.0;
    if (kind == 6) v = i % 3 == 0 ? nan_score : -nan_score;
    if (kind == 7) v = i % 2 == 0 ? inf : -inf;
  }
  return t;
}

/// Zeros and ones, about half of each.
table random_mask(index_t rows, index_t cols, std::uint64_t seed) {
  table t = random_table(rows, cols, seed);
  for (double& v : t.values) v = v > 0;
  return t;
}

/// The `count` best of `candidates`, best first, by score(id).
template <class Score>
ids best(ids candidates, std::size_t count, const Score& score) {
  std::stable_sort(candidates.begin(), candidates.end(), [&](id_type a, id_type b) {
    if (std::isnan(score(a)) || std::isnan(score(b))) return std::isnan(score(a)) && !std::isnan(score(b));
    return score(a) > score(b);
  });
  candidates.resize(std::min(candidates.size(), count));
  return candidates;
}

void append_padded(ids& to, const ids& what, index_t slots) {
  to.insert(to.end(), what.begin(), what.end());
  to.insert(to.end(), static_cast<std::size_t>(slots) - what.size(), none);
}

}  // namespace

TEST_CASE_TEMPLATE("backend/choose: the k largest among the visible columns", B, GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    for (index_t cols : {1, 5, 37})
      for (index_t k : {index_t{1}, index_t{3}, cols})
        for (index_t rows : {1, 400})
          for (bool one_mask : {true, false}) {
            CAPTURE(cols);
            CAPTURE(k);
            CAPTURE(rows);
            CAPTURE(one_mask);
            const table scores = awkward_scores(rows, cols, 1);
            const table mask = random_mask(one_mask ? 1 : rows, cols, 2);
            const framed<B> s(scores), m(mask);
            id_matrix<B> choice(rows, k);
            B::top_k_visible(choice.view(), s.in(), m.in());
            ids expected;
            for (index_t i = 0; i < rows; ++i) {
              ids visible;
              for (index_t e = 0; e < cols; ++e)
                if (mask(one_mask ? 0 : i, e) > 0) visible.push_back(static_cast<id_type>(e));
              append_padded(expected,
                            best(visible, static_cast<std::size_t>(k), [&](id_type e) { return scores(i, e); }), k);
            }
            REQUIRE(choice.to_host() == expected);
          }
  });
}

TEST_CASE_TEMPLATE("backend/choose: slots are kept where a number is above zero", B, GMOE_TEST_BACKENDS) {
  const framed<B> x(table(3, 3, {1, 0, -1, nan_score, 1e-30, -0.0, inf, -inf, 2}));
  id_matrix<B> choice = put_ids<B>({0, 1, 2, 3, 4, 5, 6, 7, none}, 3, 3).clone();
  B::keep_where(choice.view(), x.in());
  CHECK(choice.to_host() == ids{0, none, none, none, 4, none, 6, none, none});
  // Some columns of a matrix of choices.
  id_matrix<B> wide = put_ids<B>({0, 1, 2, 3, 4, 5, 6, 7, 8}, 3, 3).clone();
  B::keep_where(wide.view().col_block(1, 1), x.in().col_block(0, 1));
  CHECK(wide.to_host() == ids{0, 1, 2, 3, none, 5, 6, 7, 8});
}

TEST_CASE_TEMPLATE("backend/choose: slots up to a sum", B, GMOE_TEST_BACKENDS) {
  const table scores(5, 4, {0.5,       0.25, 0.125, 0.125,  //
                            0.5,       0.25, 0.125, 0.125,  //
                            0.0,       0.0,  1.0,   0.0,    //
                            nan_score, 0.5,  0.5,   0.0,    //
                            0.25,      0.25, 0.25,  0.25});
  const auto kept = [&](double limit) {
    id_matrix<B> choice = put_ids<B>({0, 1, 2, 3, 0, none, 1, 2, 2, 0, 1, 3, 0, 1, 2, 3, none, none, none, none}, 5, 4);
    B::keep_until_sum(choice.view(), put<B>(scores).view(), static_cast<typename B::scalar>(limit));
    return choice.to_host();
  };
  // The one that reaches a sum of exactly the limit is not the last: the sum has to exceed it.
  CHECK(kept(0.75) == ids{0, 1, 2, none, 0, none, 1, 2, 2, none, none, none, 0, 1, 2, 3, none, none, none, none});
  CHECK(kept(0.5) == ids{0, 1, none, none, 0, none, 1, none, 2, none, none, none, 0, 1, 2, 3, none, none, none, none});
  CHECK(kept(-1) ==
        ids{0, none, none, none, 0, none, none, none, 2, none, none, none, 0, 1, 2, 3, none, none, none, none});
  CHECK(kept(inf) == ids{0, 1, 2, 3, 0, none, 1, 2, 2, 0, 1, 3, 0, 1, 2, 3, none, none, none, none});
}

TEST_CASE_TEMPLATE("backend/choose: columns above a threshold", B, GMOE_TEST_BACKENDS) {
  const table scores(3, 4, {0.5, 0.25, 1, -1, nan_score, 0.25, inf, 0.3125, -inf, 0, -0.0, 0.25});
  const framed<B> s(scores);
  const auto above = [&](double threshold, index_t slots) {
    id_matrix<B> choice(3, slots);
    B::choose_above(choice.view(), s.in(), static_cast<typename B::scalar>(threshold));
    return choice.to_host();
  };
  CHECK(above(0.25, 4) == ids{0, 2, none, none, 0, 2, 3, none, none, none, none, none});
  CHECK(above(0.25, 2) == ids{0, 2, 0, 2, none, none});
  CHECK(above(0, 3) == ids{0, 1, 2, 0, 1, 2, 3, none, none});
  CHECK(above(inf, 1) == ids{none, 0, none});
  CHECK(above(0, 0).empty());
}

TEST_CASE_TEMPLATE("backend/choose: the best rows of each column, and of which rows that makes the choices", B,
                   GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    for (index_t cols : {1, 3, 16})
      for (index_t group : {1, 6, 50})
        for (index_t groups : {1, 3})
          for (index_t count : {0, 1, 4, 60})
            for (bool masked : {false, true}) {
              CAPTURE(cols);
              CAPTURE(group);
              CAPTURE(groups);
              CAPTURE(count);
              CAPTURE(masked);
              const index_t rows = groups * group;
              const table scores = awkward_scores(rows, cols, 3), valid = random_mask(rows, 1, 4);
              const framed<B> s(scores), v(valid);
              const auto mask = v.in();
              id_matrix<B> chosen(groups * cols, count), choice(rows, cols);
              B::choose_rows(chosen.view(), s.in(), group, masked ? &mask : nullptr);
              B::choices_of_rows(choice.view(), std::as_const(chosen).view());
              ids expected, choices(static_cast<std::size_t>(rows * cols), none);
              for (index_t g = 0; g < groups; ++g)
                for (index_t e = 0; e < cols; ++e) {
                  ids candidates;
                  for (index_t i = g * group; i < (g + 1) * group; ++i)
                    if (!masked || valid(i, 0) > 0) candidates.push_back(static_cast<id_type>(i));
                  const ids b =
                      best(candidates, static_cast<std::size_t>(count), [&](id_type i) { return scores(i, e); });
                  append_padded(expected, b, count);
                  for (id_type i : b) choices[static_cast<std::size_t>(i * cols + e)] = static_cast<id_type>(e);
                }
              REQUIRE(chosen.to_host() == expected);
              REQUIRE(choice.to_host() == choices);
            }
  });
}

TEST_CASE_TEMPLATE("backend/choose: the best pairs of the whole matrix", B, GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    for (index_t rows : {1, 7, 60})
      for (index_t cols : {1, 5})
        for (index_t count : {0, 1, 20, 1000})
          for (bool masked : {false, true}) {
            CAPTURE(rows);
            CAPTURE(cols);
            CAPTURE(count);
            CAPTURE(masked);
            const table scores = awkward_scores(rows, cols, 5), valid = random_mask(rows, 1, 6);
            const framed<B> s(scores), v(valid);
            const auto mask = v.in();
            id_matrix<B> choice(rows, cols);
            B::choose_pairs(choice.view(), s.in(), count, masked ? &mask : nullptr);
            ids candidates, expected(static_cast<std::size_t>(rows * cols), none);
            for (index_t n = 0; n < rows * cols; ++n)
              if (!masked || valid(n / cols, 0) > 0) candidates.push_back(static_cast<id_type>(n));
            for (id_type n : best(candidates, static_cast<std::size_t>(count),
                                  [&](id_type n) { return scores.values[static_cast<std::size_t>(n)]; }))
              expected[static_cast<std::size_t>(n)] = static_cast<id_type>(n % cols);
            REQUIRE(choice.to_host() == expected);
          }
  });
}

TEST_CASE_TEMPLATE("backend/choose: rows that do not count are emptied", B, GMOE_TEST_BACKENDS) {
  for (index_t slots : {1, 3}) {
    const table marks = random_mask(40, 1, 3);
    const framed<B> valid(marks);
    ids all(static_cast<std::size_t>(40 * slots));
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<id_type>(i % 5);
    auto choice = put_ids<B>(all, 40, slots);
    B::empty_rows(choice.view(), valid.in());
    for (std::size_t i = 0; i < all.size(); ++i)
      if (!(marks.values[i / static_cast<std::size_t>(slots)] > 0)) all[i] = none;
    CHECK(choice.to_host() == all);
  }
}

TEST_CASE_TEMPLATE("backend/choose: draws by weight", B, GMOE_TEST_BACKENDS) {
  const random_stream random(11);
  const table weights(6, 4, {0,    0,         3,   0,          //
                             1,    2,         0,   5,          //
                             0,    0,         0,   0,          //
                             0.25, nan_score, 0.5, nan_score,  //
                             0,    1e-30,     0,   0,          //
                             1,    1,         1,   1});
  constexpr index_t slots = 4000;
  id_matrix<B> choice(6, slots), again(6, slots);
  B::sample_rows(choice.view(), framed<B>(weights).in(), random);
  B::sample_rows(again.view(), put<B>(weights).view(), random);
  const ids drawn = choice.to_host();
  CHECK(drawn == again.to_host());
  for (index_t i = 0; i < 6; ++i) {
    std::vector<double> share(5);
    for (index_t j = 0; j < slots; ++j) {
      const id_type e = drawn[static_cast<std::size_t>(i * slots + j)];
      share[static_cast<std::size_t>(e == none ? 4 : e)] += 1.0 / slots;
      if (i == 1) {  // the same rule written out: the column on which the number falls
        const double u = 8 * random.uniform(static_cast<std::uint64_t>(i * slots + j));
        REQUIRE(e == (u < 1 ? 0 : u < 3 ? 1 : 3));
      }
    }
    CAPTURE(i);
    if (i == 0) CHECK(share[2] == doctest::Approx(1));
    if (i == 1) CHECK(std::abs(share[3] - 0.625) < 0.03);
    if (i == 2) CHECK(share[4] == doctest::Approx(1));
    if (i == 3) CHECK(share[1] == doctest::Approx(1));
    if (i == 4) CHECK(share[1] == doctest::Approx(1));
    if (i == 5)
      for (std::size_t e = 0; e < 4; ++e) CHECK(std::abs(share[e] - 0.25) < 0.03);
  }
}
