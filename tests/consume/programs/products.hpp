#pragma once
// A product by the provider that was asked for, against plain loops.
#include <cstdio>
#include <string_view>
#include <vector>

#include "gmoe/backend/eigen/gemm.hpp"

inline int check_products(std::string_view provider) {
  constexpr gmoe::index_t m = 70, k = 80, n = 90;
  std::vector<float> a, b, c(m * n);
  for (gmoe::index_t i = 0; i < m * k; ++i) a.push_back(static_cast<float>(i * 7 % 11) - 5);
  for (gmoe::index_t i = 0; i < k * n; ++i) b.push_back(static_cast<float>(i * 5 % 13) - 6);
  gmoe::eigen::gemm_kernels<float>::gemm(gmoe::op::none, gmoe::op::none, 1, {a.data(), m, k, k}, {b.data(), k, n, n}, 0,
                                         {c.data(), m, n, n});
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
