// A user's program: the second backend on the processor agrees with the first.
#include <cmath>
#include <cstdio>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/backend/thrust.hpp"
#include "gmoe/ops/softmax.hpp"

template <class B>
std::vector<float> softmax() {
  std::vector<float> x;
  for (int i = 0; i < 60; ++i) x.push_back(static_cast<float>(i * 7 % 11));
  return gmoe::softmax_rows(gmoe::variable<B>(gmoe::matrix<B>::from_host(x, 6, 10))).value().to_host();
}

int main() {
  const auto one = softmax<gmoe::cpu<float>>(), other = softmax<gmoe::thrust_backend<float>>();
  float worst = 0;
  for (std::size_t i = 0; i < one.size(); ++i) worst = std::fmax(worst, std::abs(one[i] - other[i]));
  std::printf("%s differs by %g\n", gmoe::thrust_backend<float>::name, static_cast<double>(worst));
  return worst < 1e-6f ? 0 : 1;
}
