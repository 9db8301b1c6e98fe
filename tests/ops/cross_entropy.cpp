#include "gmoe/ops/cross_entropy.hpp"

#include <doctest/doctest.h>

#include "gmoe/ops/matmul.hpp"
#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

/// Targets of which every third is missing; `scored` are not.
struct aims {
  std::vector<id_type> ids;
  index_t scored = 0;
  aims(index_t rows, index_t vocab) {
    for (index_t i = 0; i < rows; ++i) {
      ids.push_back(i % 3 == 1 ? no_target : static_cast<id_type>((i * 7 + 2) % vocab));
      scored += ids.back() != no_target;
    }
  }
};

double reference(const table& logits, const aims& a) {
  const table p = softmax(logits);
  double sum = 0;
  for (index_t i = 0; i < logits.rows; ++i)
    if (const id_type t = a.ids[static_cast<std::size_t>(i)]; t != no_target) sum -= std::log(p(i, t));
  return sum / static_cast<double>(a.scored);
}

}  // namespace

TEST_CASE_TEMPLATE("ops/cross_entropy: the mean over the rows that have a target", B, GMOE_TEST_DOUBLE_BACKENDS) {
  for (index_t vocab : {1, 2, 7, 9}) {
    const table logits = random_table(5, vocab, 1, -3, 3);
    const aims a(5, vocab);
    const auto targets = put_ids<B>(a.ids, 1, 5);
    const operation<B> f = [&](const inputs<B>& in) { return cross_entropy(in[0], targets, a.scored); };
    CHECK(std::abs(evaluate<B>(f, {logits})(0, 0) - reference(logits, a)) < 1e-13);
    CHECK(gradient_error<B>(f, {logits}) < 1e-8);
  }
}

TEST_CASE_TEMPLATE("ops/cross_entropy: no target at all is a loss of 0 without gradient", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  const auto targets = put_ids<B>(std::vector<id_type>(3, no_target), 1, 3);
  parameter<B> p("p", put<B>(random_table(3, 4, 1)));
  tape<B> t;
  const variable<B> loss = cross_entropy(variable<B>(p, &t), targets, 0);
  CHECK(loss.value().item() == 0);
  t.backward(loss);
  CHECK(get(p.gradient()).values == std::vector<double>(12, 0.0));
}

TEST_CASE_TEMPLATE("ops/cross_entropy: with the head in one, whole", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const table x = random_table(7, 4, 1), w = random_table(9, 4, 2, -2, 2);
  const aims a(7, 9);
  const auto targets = put_ids<B>(a.ids, 1, 7);
  const operation<B> f = [&](const inputs<B>& in) { return linear_cross_entropy(in[0], in[1], targets, a.scored); };
  CHECK(std::abs(evaluate<B>(f, {x, w})(0, 0) - reference(product_transposed(x, w), a)) < 1e-13);
  CHECK(gradient_error<B>(f, {x, w}) < 1e-8);
}

TEST_CASE_TEMPLATE("ops/cross_entropy: with the head in one, in pieces of rows", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const index_t rows = 1100;  // three pieces, the last one shorter
  const table x = random_table(rows, 3, 1), w = random_table(5, 3, 2, -2, 2);
  const aims a(rows, 5);
  const auto targets = put_ids<B>(a.ids, 1, rows);
  struct result {
    double loss;
    table dx, dw;
  };
  const auto run = [&](int way, bool x_needs, bool w_needs) {
    parameter<B> px("x", put<B>(x)), pw("w", put<B>(w));
    tape<B> t;
    // Intermediate results, so that gradients are written and not only added to.
    const variable<B> vx = x_needs ? scale(variable<B>(px, &t), 1) : variable<B>(px.value(), &t, false);
    const variable<B> vw = w_needs ? scale(variable<B>(pw, &t), 1) : variable<B>(pw.value(), &t, false);
    const variable<B> loss = way == 0   ? cross_entropy(matmul(vx, vw, op::transpose), targets, a.scored)
                             : way == 1 ? linear_cross_entropy(vx, vw, targets, a.scored)
                                        : linear_cross_entropy(vx, vw, targets, a.scored, 100);
    const double value = loss.value().item();
    t.backward(scale(loss, 2.5));
    return result{value, get(px.gradient()), get(pw.gradient())};
  };
  const result expected = run(0, true, true);
  CHECK(std::abs(expected.loss - reference(product_transposed(x, w), a)) < 1e-12);
  for (int way : {1, 2}) {
    for (bool x_needs : {true, false})
      for (bool w_needs : {true, false}) {
        if (!x_needs && !w_needs) continue;
        const result r = run(way, x_needs, w_needs);
        CHECK(std::abs(r.loss - expected.loss) < 1e-12);
        CHECK(difference(r.dx, x_needs ? expected.dx : table(rows, 3)) < 1e-11);
        CHECK(difference(r.dw, w_needs ? expected.dw : table(5, 3)) < 1e-12);
      }
  }
  // Without a tape the pieces are taken as well.
  const double inference = linear_cross_entropy(constant<B>(x), constant<B>(w), targets, a.scored).value().item();
  CHECK(std::abs(inference - expected.loss) < 1e-12);
}

TEST_CASE_TEMPLATE("ops/cross_entropy: in pieces, T x V numbers never exist at once", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const index_t rows = 4096, vocab = 64;
  const aims a(rows, vocab);
  const auto targets = put_ids<B>(a.ids, 1, rows);
  parameter<B> px("x", put<B>(random_table(rows, 2, 1))), pw("w", put<B>(random_table(vocab, 2, 2)));
  px.gradient();
  pw.gradient();
  auto& memory = pool<typename B::memory>::instance();
  const auto peak_of = [&](index_t limit) {
    tape<B> t;
    memory.reset_peak();
    const std::size_t before = memory.statistics().in_use;
    t.backward(linear_cross_entropy(variable<B>(px, &t), variable<B>(pw, &t), targets, a.scored, limit));
    return memory.statistics().peak - before;
  };
  const std::size_t all = rows * vocab * sizeof(typename B::scalar);
  CHECK(peak_of(rows * vocab) >= all);
  CHECK(peak_of(rows * vocab - 1) < all / 4);
}

TEST_CASE_TEMPLATE("ops/cross_entropy: sizes must fit", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const auto targets = put_ids<B>({0, 1, 0}, 1, 3);
  const auto c = [](index_t rows, index_t cols) { return constant<B>(table(rows, cols)); };
  CHECK_THROWS_WITH_AS(cross_entropy(c(2, 4), targets, 3), "cross_entropy: 3 targets for 2 rows", config_error);
  CHECK_THROWS_WITH_AS(linear_cross_entropy(c(2, 4), c(5, 4), targets, 3), "linear_cross_entropy: 3 targets for 2 rows",
                       config_error);
  CHECK_THROWS_WITH_AS(linear_cross_entropy(c(3, 4), c(5, 3), targets, 3),
                       "linear_cross_entropy: input of 4 columns for a head of 3", config_error);
}
