#include <doctest/doctest.h>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("backend/optimizer: AdamW, step by step", B, GMOE_TEST_BACKENDS) {
  using scalar = typename B::scalar;
  const double rate = 0.01, decay = 0.1, beta1 = 0.9, beta2 = 0.99, epsilon = 1e-8, clip = 0.5;
  with_threads<B>([&] {
    for (index_t cols : {1, 13, 20001}) {
      const table start = random_table(3, cols, 1);
      table p = start, m(3, cols), v(3, cols);
      matrix<B> value = put<B>(p), first = put<B>(m), second = put<B>(v);
      for (int t = 1; t <= 4; ++t) {
        const table g = random_table(3, cols, static_cast<std::uint64_t>(10 + t));
        for (std::size_t i = 0; i < p.values.size(); ++i) {
          const double gi = clip * g.values[i];
          m.values[i] = beta1 * m.values[i] + (1 - beta1) * gi;
          v.values[i] = beta2 * v.values[i] + (1 - beta2) * gi * gi;
          const double m_hat = m.values[i] / (1 - std::pow(beta1, t)), v_hat = v.values[i] / (1 - std::pow(beta2, t));
          p.values[i] -= rate * decay * p.values[i];
          p.values[i] -= rate * m_hat / (std::sqrt(v_hat) + epsilon);
        }
        const matrix<B> gradient = put<B>(g);
        const fn::adamw_step<scalar> step{static_cast<scalar>(1 - rate * decay),
                                          static_cast<scalar>(beta1),
                                          static_cast<scalar>(beta2),
                                          static_cast<scalar>(rate / (1 - std::pow(beta1, t))),
                                          static_cast<scalar>(1 / std::sqrt(1 - std::pow(beta2, t))),
                                          static_cast<scalar>(epsilon),
                                          static_cast<scalar>(clip)};
        B::adamw(value.view(), first.view(), second.view(), gradient.view(), step);
      }
      CHECK(difference(get(value), p) < tolerance<B>);
      CHECK(difference(get(first), m) < tolerance<B>);
      CHECK(difference(get(second), v) < tolerance<B>);
      CHECK(difference(get(value), start) > 0.01);
    }
  });
}
