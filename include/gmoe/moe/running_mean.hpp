#pragma once
/// What a policy remembers of training batches, for evaluation, which sees no batch.

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "gmoe/autograd/buffer.hpp"

namespace gmoe {

/// mean += max(1 - memory, 1 / (step + 1)) (now - mean): the plain mean over the first steps, then one that forgets.
/// Steps count from 0.
template <class B>
void follow(buffer<B>& mean, std::span<const double> now, double memory, std::int64_t step) {
  std::vector<typename B::scalar> m = mean.value().to_host();
  require(m.size() == now.size(), mean.name(), ": ", now.size(), " numbers for a mean of ", m.size());
  const double rate = std::max(1 - memory, 1 / static_cast<double>(step + 1));
  for (std::size_t i = 0; i < m.size(); ++i)
    m[i] = static_cast<typename B::scalar>(static_cast<double>(m[i]) + rate * (now[i] - static_cast<double>(m[i])));
  B::upload(mean.value().data(), m.data(), m.size() * sizeof(m[0]));
}

}  // namespace gmoe
