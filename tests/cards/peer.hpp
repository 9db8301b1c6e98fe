#pragma once
/// The equations of peer: experts of one hidden unit, found by the best halves of their keys.

#include "cards/scoring_equations.hpp"

namespace gmoe_test {

/// y = sum over heads, and over the k best of each, of g_i relu(<u_i, x>) v_i, g the softmax over those k.
struct peer_equations : naive::mixture {
  std::size_t first = 2, second = 2, k = 2, heads = 2, half = 8;

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const naive::weight &u = at.w.at("experts.w_in"), &v = at.w.at("experts.w_out");
    const std::size_t experts = first * second;
    naive::mat y;
    record.rounds.resize(heads);
    for (const naive::vec& x : at.x) {
      naive::vec out(x.size());
      for (std::size_t h = 0; h < heads; ++h) {
        const std::string mine = "router." + std::to_string(at.layer) + ".round." + std::to_string(h) + ".";
        const naive::vec q = naive::layer_norm(naive::rows_times(at.w.at(mine + "query"), x),
                                               at.w.at(mine + "norm.weight"), at.w.at(mine + "norm.bias"), 1e-5);
        const naive::vec a = naive::rows_times(at.w.at(mine + "first"), {q.begin(), q.begin() + ptrdiff(half)}),
                         b = naive::rows_times(at.w.at(mine + "second"), {q.begin() + ptrdiff(half), q.end()});
        naive::vec z(experts);
        for (std::size_t e = 0; e < experts; ++e) z[e] = a[e / second] + b[e % second];
        // The best of the sums of the best of each half; the others are not looked at.
        std::vector<int> found;
        naive::vec sums;
        for (const int i : naive::largest(a, std::min(k, first)))
          for (const int j : naive::largest(b, std::min(k, second))) {
            found.push_back(i * static_cast<int>(second) + j);
            sums.push_back(a[static_cast<std::size_t>(i)] + b[static_cast<std::size_t>(j)]);
          }
        std::vector<int> chosen;
        for (const int c : naive::largest(sums, k)) chosen.push_back(found[static_cast<std::size_t>(c)]);
        naive::layer_record& head = record.rounds[h];
        const naive::vec p = naive::softmax(z);
        naive::number sum = 1e-9;
        for (const int e : chosen) sum += p[static_cast<std::size_t>(e)];
        head.weights.emplace_back();
        for (const int c : chosen) {
          const auto e = static_cast<std::size_t>(c), row = at.layer * experts + e;
          head.weights.back().push_back(p[e] / sum);
          const naive::number said = relu(dot_of(row_of(u, row), x));
          for (std::size_t i = 0; i < x.size(); ++i) out[i] += p[e] / sum * said * v(row, i);
        }
        head.logits.push_back(z);
        head.scores.push_back(p);
        head.chosen.push_back(chosen);
        head.kept.push_back(chosen);
      }
      y.push_back(out);
    }
    return y;
  }

 private:
  static std::ptrdiff_t ptrdiff(std::size_t n) { return static_cast<std::ptrdiff_t>(n); }
};

}  // namespace gmoe_test
