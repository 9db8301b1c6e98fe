#pragma once
/// The equations of smear: one expert for a text, merged number by number.

#include "cards/equations.hpp"

namespace gmoe_test {

struct smear_equations : naive::mixture {
  std::size_t experts = 4, width = 12, segment = 32;
  bool ahead = true;  ///< in training

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const std::size_t length = at.how.sequence, d = at.x[0].size();
    const bool whole = at.how.training && ahead;
    const std::size_t part = whole ? length : segment;
    record.chooses = false;
    naive::mat y;
    for (std::size_t begin = 0; begin < at.x.size(); begin += length)
      for (std::size_t first = 0; first < length; first += part) {
        // The rows that decide: all; the one before them all; the segment before.
        const std::size_t from = first >= part ? first - part : 0, count = first > 0 ? part : whole ? length : 1;
        naive::vec mean(d);
        for (std::size_t t = begin + from; t < begin + from + count; ++t)
          for (std::size_t c = 0; c < d; ++c) mean[c] += at.x[t][c] / static_cast<double>(count);
        record.logits.push_back(naive::rows_times(at.w.at("router." + std::to_string(at.layer) + ".gate"), mean));
        const naive::vec p = naive::softmax(record.logits.back());
        naive::weight in{width, d, naive::vec(width * d)}, out = in;
        for (std::size_t e = 0; e < experts; ++e)
          for (std::size_t u = 0; u < width; ++u)
            for (std::size_t c = 0; c < d; ++c) {
              const std::size_t row = (at.layer * experts + e) * width + u;
              in.values[u * d + c] += p[e] * at.w.at("experts.w_in")(row, c);
              out.values[u * d + c] += p[e] * at.w.at("experts.w_out")(row, c);
            }
        for (std::size_t t = begin + first; t < begin + std::min(first + part, length); ++t)
          y.push_back(naive::expert(in, out, 0, width, at.x[t]));
      }
    return y;
  }
};

}  // namespace gmoe_test
