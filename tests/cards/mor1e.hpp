#pragma once
/// The equations of mor1e: adapters of rank 1, weighed by the token and by what was read of its sequence.

#include "cards/adapters.hpp"

namespace gmoe_test {

struct mor1e_equations : molora_equations {
  std::vector<std::vector<double>> centroids{};  ///< of every layer, K rows of d numbers
  std::size_t row = 0;                           ///< of the layer
  naive::vec sum{};
  mor1e_equations() { rank = 1; }

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    row = 0;
    return molora_equations::operator()(at, record);
  }
  naive::vec scores(const naive::call& at, const naive::vec& x) override {
    const std::size_t place = row++ % at.how.sequence, d = x.size();
    if (place == 0) sum.assign(d, 0);
    naive::number length = 1e-24;
    naive::vec mean, input = x;
    for (std::size_t j = 0; j < d; ++j) {
      sum[j] += x[j];
      mean.push_back(sum[j] / static_cast<double>(place + 1));
      length += mean[j] * mean[j];
    }
    const std::vector<double>& c = centroids.at(at.layer);
    for (std::size_t k = 0; k < c.size() / d; ++k) {
      naive::number along;
      double own = 0;
      for (std::size_t j = 0; j < d; ++j) {
        along += mean[j] * c[k * d + j];
        own += c[k * d + j] * c[k * d + j];
      }
      input.push_back(along / sqrt(length) / std::sqrt(own));
    }
    said = rows_times(mine(at, "gate"), input);
    return naive::softmax(said);
  }
};

}  // namespace gmoe_test
