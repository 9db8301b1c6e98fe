#include <doctest/doctest.h>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("backend/cross_entropy: -log p of the target, 0 where there is none, and its gradient in place", B,
                   GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    for (index_t vocab : {1, 2, 7, 16, 257})
      for (index_t rows : {1, 6, 300}) {
        CAPTURE(vocab);
        CAPTURE(rows);
        const table logits = random_table(rows, vocab, 1, -6, 6), p = softmax(logits);
        std::vector<id_type> target(static_cast<std::size_t>(rows));
        for (std::size_t i = 0; i < target.size(); ++i)
          target[i] = i % 4 == 2 ? no_target
                                 : static_cast<id_type>(random_stream(2).below(i, static_cast<std::uint64_t>(vocab)));
        table losses(rows, 1), gradient(rows, vocab);
        for (index_t i = 0; i < rows; ++i) {
          const id_type t = target[static_cast<std::size_t>(i)];
          if (t == no_target) continue;
          losses(i, 0) = -std::log(p(i, t));
          for (index_t j = 0; j < vocab; ++j) gradient(i, j) = -0.75 * (p(i, j) - (j == t ? 1 : 0));
        }
        framed<B> f(logits), loss(table(rows, 1, not_a_number));
        const auto id = put_ids<B>(target, 1, rows);
        B::cross_entropy(loss.view(), f.in(), id.view());
        CHECK(f.inner().values == logits.values);
        CHECK(difference(loss.inner(), losses) < tolerance<B>);
        CHECK(loss.border_untouched());
        framed<B> again(table(rows, 1, not_a_number));
        B::cross_entropy_with_gradient(f.view(), again.view(), id.view(), typename B::scalar(-0.75));
        CHECK(difference(again.inner(), losses) < tolerance<B>);
        CHECK(difference(f.inner(), gradient) < tolerance<B>);
        CHECK(f.border_untouched());
        CHECK(again.border_untouched());
      }
  });
}

TEST_CASE_TEMPLATE("backend/cross_entropy: a very unlikely target has a finite loss", B, GMOE_TEST_BACKENDS) {
  matrix<B> logits = put<B>(table(2, 3, {1000, 0, -1000, 5, 5, 5})), loss(2, 1);
  const auto id = put_ids<B>({2, 1}, 1, 2);
  for (const bool with_gradient : {false, true}) {
    if (with_gradient)
      B::cross_entropy_with_gradient(logits.view(), loss.view(), id.view(), 1);
    else
      B::cross_entropy(loss.view(), std::as_const(logits).view(), id.view());
    CHECK(get(loss)(0, 0) == doctest::Approx(2000));
    CHECK(get(loss)(1, 0) == doctest::Approx(std::log(3.0)));
  }
}

TEST_CASE_TEMPLATE("backend/cross_entropy: NaN among the logits reaches the loss", B, GMOE_TEST_BACKENDS) {
  for (index_t at : {0, 5, 17}) {
    table x = random_table(1, 18, 3);
    x(0, at) = not_a_number;
    matrix<B> logits = put<B>(x), loss(1, 1), again(1, 1);
    const auto id = put_ids<B>({1}, 1, 1);
    B::cross_entropy(loss.view(), std::as_const(logits).view(), id.view());
    B::cross_entropy_with_gradient(logits.view(), again.view(), id.view(), 1);
    CHECK(std::isnan(get(loss)(0, 0)));
    CHECK(std::isnan(get(again)(0, 0)));
  }
}
