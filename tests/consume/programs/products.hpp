#pragma once
// A product by the provider that was asked for, against plain loops.
#include <cmath>
#include <cstdio>
#include <string_view>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/ops/matmul.hpp"

inline int check_products(std::string_view provider) {
  using B = gmoe::cpu<float>;
  constexpr gmoe::index_t m = 70, k = 80, n = 90;
  std::vector<float> a, b;
  for (gmoe::index_t i = 0; i < m * k; ++i) a.push_back(static_cast<float>(i * 7 % 11) - 5);
  for (gmoe::index_t i = 0; i < k * n; ++i) b.push_back(static_cast<float>(i * 5 % 13) - 6);
  const auto c = gmoe::matmul(gmoe::variable<B>(gmoe::matrix<B>::from_host(a, m, k)),
                              gmoe::variable<B>(gmoe::matrix<B>::from_host(b, k, n)))
                     .value()
                     .to_host();
  bool right = provider == gmoe::eigen::gemm_provider;
  for (gmoe::index_t i = 0; i < m; ++i)
    for (gmoe::index_t j = 0; j < n; ++j) {
      float sum = 0;
      for (gmoe::index_t l = 0; l < k; ++l) sum += a[i * k + l] * b[l * n + j];
      right = right && c[i * n + j] == sum;  // whole numbers: exact in any order
    }
  std::printf("products by %s are %s\n", gmoe::eigen::gemm_provider, right ? "right" : "wrong, or by another");
  return right ? 0 : 1;
}
