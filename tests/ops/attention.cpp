#include "gmoe/ops/attention.hpp"

#include <doctest/doctest.h>

#include "gmoe/ops/matmul.hpp"
#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("ops/attention: equals the loops, and its gradient", B, GMOE_TEST_DOUBLE_BACKENDS) {
  for (const attention_shape& s : {attention_shape{1, 1, 1, 0}, {2, 5, 1, 0}, {2, 4, 2, 0}, {1, 6, 2, 0.3}}) {
    CAPTURE(s.sequence);
    const operation<B> f = [&](const inputs<B>& in) { return causal_attention(in[0], s, random_stream(5)); };
    const table qkv = random_table(s.batch * s.sequence, 12, 1, -1.5, 1.5);
    if (s.dropout == 0) CHECK(difference(evaluate<B>(f, {qkv}), gmoe_test::attention(qkv, s)) < 1e-13);
    CHECK(gradient_error<B>(f, {qkv}) < 1e-8);
  }
}

TEST_CASE_TEMPLATE("ops/attention: a sequence longer than a block of rows, with dropout", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  const attention_shape s{1, 66, 1, 0.2};
  parameter<B> p("direction", put<B>(table(1, 1, 0.5)));
  // Along one random direction; differences in every element would take minutes.
  const matrix<B> start = put<B>(random_table(66, 6, 1)), direction = put<B>(random_table(66 * 6, 1, 2));
  const variable<B> upstream = constant<B>(random_table(66, 2, 3));
  const auto report = check_gradients<B>(
      {&p},
      [&](tape<B>* t) {
        const variable<B> along = multiply(variable<B>(direction.reshaped(66, 6)), [&] {
          variable<B> row = variable<B>(matrix<B>::filled(66, 1, 1));
          variable<B> col = variable<B>(matrix<B>::filled(1, 6, 1));
          return matmul(matmul(row, variable<B>(p, t)), col);
        }());
        return dot(causal_attention(add(variable<B>(start), along), s, random_stream(5)), upstream);
      },
      1e-3);
  CHECK(report.worst < 1e-8);
}

TEST_CASE_TEMPLATE("ops/attention: the shape must be that of the input", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const variable<B> qkv = constant<B>(table(6, 12));
  CHECK_THROWS_AS(causal_attention(qkv, {2, 4, 1, 0}, random_stream(1)), config_error);
  CHECK_THROWS_AS(causal_attention(qkv, {2, 3, 3, 0}, random_stream(1)), config_error);
  CHECK_THROWS_AS(causal_attention(constant<B>(table(6, 13)), {2, 3, 1, 0}, random_stream(1)), config_error);
}

TEST_CASE_TEMPLATE("ops/attention: piece by piece with keys and values kept", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const table qkv = random_table(7, 12, 1, -1.5, 1.5), expected = gmoe_test::attention(qkv, {1, 7, 2, 0});
  matrix<B> keys(8, 4), values(8, 4);
  for (index_t past = 0; past < 7;) {
    const index_t count = past == 0 ? 3 : 2;
    table rows(count, 12), part(count, 4);
    for (index_t i = 0; i < count; ++i) {
      for (index_t j = 0; j < 12; ++j) rows(i, j) = qkv(past + i, j);
      for (index_t j = 0; j < 4; ++j) part(i, j) = expected(past + i, j);
    }
    CHECK(difference(get(attention_cached(constant<B>(rows), keys, values, past, 2).value()), part) < 1e-13);
    past += count;
  }
  const variable<B> two = constant<B>(table(2, 12));
  CHECK_THROWS_AS(attention_cached(two, keys, values, 7, 2), config_error);  // one place is left
  CHECK_THROWS_AS(attention_cached(two, keys, values, 0, 3), config_error);
  matrix<B> narrow(8, 2);
  CHECK_THROWS_AS(attention_cached(two, keys, narrow, 0, 2), config_error);
}

TEST_CASE_TEMPLATE("ops/attention: log sums, and what rows receive from those that count", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  const attention_shape s{2, 5, 2, 0.4};  // dropout changes neither
  const table qkv = random_table(10, 12, 1, -1.5, 1.5);
  const matrix<B> valid = put<B>(table(10, 1, {1, 1, 1, 1, 1, 1, 1, 0, 0, 0}));
  matrix<B> log_sums;
  const variable<B> y = causal_attention(constant<B>(qkv), s, random_stream(5), log_sums);
  table sums(10, 2), all(10, 1), some(10, 1);
  for (index_t t = 0; t < 10; ++t)
    for (index_t h = 0; h < 2; ++h) {
      std::vector<double> e;
      for (index_t u = t / 5 * 5; u <= t; ++u)
        e.push_back(
            std::exp((qkv(t, 2 * h) * qkv(u, 4 + 2 * h) + qkv(t, 2 * h + 1) * qkv(u, 5 + 2 * h)) / std::sqrt(2.0)));
      double sum = 0;
      for (const double v : e) sum += v;
      sums(t, h) = std::log(sum);
      for (index_t u = t / 5 * 5; u <= t; ++u) {
        const double p = e[static_cast<std::size_t>(u % 5)] / sum / 2;
        all(u, 0) += p;
        if (t < 7) some(u, 0) += p;
      }
    }
  CHECK(difference(get(log_sums), sums) < 1e-13);
  CHECK(difference(get(attention_received(put<B>(qkv), y.value(), log_sums, s, matrix<B>())), all) < 1e-13);
  CHECK(difference(get(attention_received(put<B>(qkv), y.value(), log_sums, s, valid)), some) < 1e-13);
  CHECK_THROWS_AS(attention_received(put<B>(qkv), y.value(), log_sums, {2, 5, 1, 0}, matrix<B>()), config_error);
}
