#include <doctest/doctest.h>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

/// h' and [r | u | n | v] of the products `a` (T x 4d).
struct gru_reference {
  table next, gates;
  gru_reference(const table& a, const table& b_ih, const table& b_hh, const table* h)
      : next(a.rows, a.cols / 4), gates(a.rows, a.cols) {
    const index_t d = next.cols;
    for (index_t i = 0; i < a.rows; ++i)
      for (index_t j = 0; j < d; ++j) {
        const double r = sigmoid(a(i, j) + b_ih(0, j) + b_hh(0, j));
        const double u = sigmoid(a(i, d + j) + b_ih(0, d + j) + b_hh(0, d + j));
        const double v = a(i, 3 * d + j) + b_hh(0, 2 * d + j);
        const double n = std::tanh(a(i, 2 * d + j) + b_ih(0, 2 * d + j) + r * v);
        gates(i, j) = r;
        gates(i, d + j) = u;
        gates(i, 2 * d + j) = n;
        gates(i, 3 * d + j) = v;
        next(i, j) = (1 - u) * n + u * (h ? (*h)(i, j) : 0.0);
      }
  }
};

}  // namespace

TEST_CASE_TEMPLATE("backend/gru: gates and next state, with a state and without", B, GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    for (index_t d : {1, 5, 8, 19})
      for (index_t rows : {1, 6, 300})
        for (bool has_state : {true, false}) {
          CAPTURE(d);
          CAPTURE(rows);
          CAPTURE(has_state);
          const table a = random_table(rows, 4 * d, 1, -2, 2), b_ih = random_table(1, 3 * d, 2),
                      b_hh = random_table(1, 3 * d, 3), h = random_table(rows, d, 4);
          const gru_reference expected(a, b_ih, b_hh, has_state ? &h : nullptr);
          framed<B> gates(a), next(table(rows, d));
          const framed<B> fh(h);
          const auto hv = fh.in();
          const matrix<B> mi = put<B>(b_ih), mh = put<B>(b_hh);
          B::gru_gates(next.view(), gates.view(), mi.view(), mh.view(), has_state ? &hv : nullptr);
          CHECK(difference(next.inner(), expected.next) < tolerance<B>);
          CHECK(difference(gates.inner(), expected.gates) < tolerance<B>);
          CHECK(next.border_untouched());
          CHECK(gates.border_untouched());
        }
  });
}

TEST_CASE_TEMPLATE("backend/gru: gradients by the chain rule", B, GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    for (index_t d : {1, 5, 8, 19})
      for (bool has_state : {true, false})
        for (double beta : {0.0, 1.0}) {
          const index_t rows = d == 19 ? 300 : 4;
          CAPTURE(d);
          CAPTURE(has_state);
          const table a = random_table(rows, 4 * d, 1, -2, 2), zero(1, 3 * d), h = random_table(rows, d, 4),
                      dy = random_table(rows, d, 5), before = random_table(rows, d, 6);
          const gru_reference f(a, zero, zero, has_state ? &h : nullptr);
          table da(rows, 4 * d), dh(rows, d);
          for (index_t i = 0; i < rows; ++i)
            for (index_t j = 0; j < d; ++j) {
              const double r = f.gates(i, j), u = f.gates(i, d + j), n = f.gates(i, 2 * d + j),
                           v = f.gates(i, 3 * d + j);
              const double hij = has_state ? h(i, j) : 0;
              const double through_n = dy(i, j) * (1 - u) * (1 - n * n);
              da(i, j) = through_n * v * r * (1 - r);
              da(i, d + j) = dy(i, j) * (hij - n) * u * (1 - u);
              da(i, 2 * d + j) = through_n;
              da(i, 3 * d + j) = through_n * r;
              dh(i, j) = dy(i, j) * u + (beta == 0 ? 0 : before(i, j));
            }
          framed<B> gates(f.gates), to(beta == 0 ? table(rows, d, not_a_number) : before);
          const framed<B> fh(h), fdy(dy);
          const auto hv = fh.in();
          auto tv = to.view();
          B::gru_gates_backward(gates.view(), &tv, static_cast<typename B::scalar>(beta), fdy.in(),
                                has_state ? &hv : nullptr);
          CHECK(difference(gates.inner(), da) < tolerance<B>);
          CHECK(difference(to.inner(), dh) < tolerance<B>);
          CHECK(to.border_untouched());
          framed<B> again(f.gates);  // nobody asks for the state's gradient
          B::gru_gates_backward(again.view(), nullptr, 0, fdy.in(), has_state ? &hv : nullptr);
          CHECK(difference(again.inner(), da) < tolerance<B>);
        }
  });
}
