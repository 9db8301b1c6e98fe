#include "gmoe/moe/select/transport.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

/// exp((z + a + b) / epsilon)
template <class B>
table plan_of(const table& z, const plan_potentials<B>& p, double epsilon) {
  const table a = get(p.a), b = get(p.b);
  table plan(z.rows, z.cols);
  for (index_t t = 0; t < z.rows; ++t)
    for (index_t e = 0; e < z.cols; ++e) plan(t, e) = std::exp((z(t, e) + a(t, 0) + b(0, e)) / epsilon);
  return plan;
}
double row_sum(const table& x, index_t r) {
  double sum = 0;
  for (index_t c = 0; c < x.cols; ++c) sum += x(r, c);
  return sum;
}
double column_sum(const table& x, index_t c) {
  double sum = 0;
  for (index_t r = 0; r < x.rows; ++r) sum += x(r, c);
  return sum;
}

}  // namespace

TEST_CASE_TEMPLATE("moe/select/transport: a plan gives every token its one and every expert its share", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  const table z = random_table(9, 3, 4);
  for (const double epsilon : {0.3, 1.0, 1e4}) {
    const table plan = plan_of(z, sinkhorn_potentials<B>(put<B>(z), {}, epsilon, 300), epsilon);
    for (index_t t = 0; t < 9; ++t) CHECK(row_sum(plan, t) == doctest::Approx(1).epsilon(1e-9));
    for (index_t e = 0; e < 3; ++e) CHECK(column_sum(plan, e) == doctest::Approx(3).epsilon(1e-9));
    if (epsilon > 100)  // all entropy
      for (index_t t = 0; t < 9; ++t) CHECK(plan(t, 1) == doctest::Approx(1.0 / 3).epsilon(1e-3));
  }
}

TEST_CASE_TEMPLATE("moe/select/transport: as many experts as tokens and hardly any entropy: the best assignment", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  const table z = random_table(4, 4, 7);
  const table plan = plan_of(z, sinkhorn_potentials<B>(put<B>(z), {}, 0.02, 2000), 0.02);
  std::array<index_t, 4> order{0, 1, 2, 3}, best = order;
  double most = -1e300;
  do {
    double sum = 0;
    for (index_t t = 0; t < 4; ++t) sum += z(t, order[static_cast<std::size_t>(t)]);
    if (sum > most) {
      most = sum;
      best = order;
    }
  } while (std::next_permutation(order.begin(), order.end()));
  for (index_t t = 0; t < 4; ++t) CHECK(plan(t, best[static_cast<std::size_t>(t)]) > 0.9);
}

TEST_CASE_TEMPLATE("moe/select/transport: rows that do not count change nothing", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const table z = random_table(6, 3, 5);
  table more(8, 3);
  for (index_t t = 0; t < 8; ++t)
    for (index_t e = 0; e < 3; ++e) more(t, e) = t < 4 ? z(t, e) : t < 6 ? 30.0 * static_cast<double>(e) : z(t - 2, e);
  valid_rows<B> valid{put<B>(table(8, 1, {1, 1, 1, 1, 0, 0, 1, 1})), 6};
  CHECK(difference(get(sinkhorn_potentials<B>(put<B>(more), valid, 1, 20).b),
                   get(sinkhorn_potentials<B>(put<B>(z), {}, 1, 20).b)) < 1e-12);
  const table alone = get(token_prices<B>(put<B>(z), {}, 4, 2, 0.1, 50)),
              beside = get(token_prices<B>(put<B>(more), valid, 4, 2, 0.1, 50));
  for (index_t t = 0; t < 6; ++t) CHECK(beside(t < 4 ? t : t + 2, 0) == doctest::Approx(alone(t, 0)).epsilon(1e-12));
}

TEST_CASE_TEMPLATE("moe/select/transport: prices keep all conditions of the plan", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const index_t tokens = 12, experts = 4;
  const double count = 6, most = 2.5, lambda = 0.2;
  const table s = random_table(tokens, experts, 3);
  const table alpha = get(token_prices<B>(put<B>(s), {}, count, most, lambda, 5000));
  // beta follows from the columns: as large as lets them sum to count.
  table plan(tokens, experts);
  for (index_t e = 0; e < experts; ++e) {
    double low = -100, high = 100;
    for (int i = 0; i < 200; ++i) {
      const double beta = (low + high) / 2;
      for (index_t t = 0; t < tokens; ++t)
        plan(t, e) = std::min(1.0, std::exp((s(t, e) + beta - alpha(t, 0)) / lambda));
      (column_sum(plan, e) < count ? low : high) = beta;
    }
  }
  bool bound = false;
  for (index_t t = 0; t < tokens; ++t) {
    CHECK(alpha(t, 0) >= 0);
    CHECK(row_sum(plan, t) < most + 1e-3);
    if (alpha(t, 0) == 0) continue;
    bound = true;
    CHECK(row_sum(plan, t) == doctest::Approx(most).epsilon(1e-3));  // only who is at the bound has a price
  }
  CHECK(bound);
}
