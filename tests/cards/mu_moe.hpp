#pragma once
/// The equations of mu-moe: all experts at once, as slices of tensors that are sums of few terms.

#include "cards/body_equations.hpp"

namespace gmoe_test {

/// y_o = sum_q (sum_n a_n U_nq) (sum_i V_qi x_i + b_q) O_qo, twice with gelu between; a = entmax of normalised logits.
struct mu_equations : body_mixture {
  std::size_t rank = 32;
  mu_equations() {
    alpha = 0;
    k = experts;
  }

  naive::vec scores(const naive::call& at, const naive::vec& x) override {
    body_mixture::scores(at, x);
    const auto n = static_cast<double>(experts);
    naive::number mean, variance;
    for (const naive::number& z : said) mean += z / n;
    for (const naive::number& z : said) variance += (z - mean) * (z - mean) / n;
    naive::vec z;
    for (const naive::number& each : said) z.push_back((each - mean) / sqrt(variance + 1e-5));
    // The largest support whose threshold is below all of its members: tau solves sum (z / 2 - tau)^2 = 1.
    const std::vector<int> order = naive::largest(z, experts);
    naive::vec p(experts);
    for (std::size_t count = experts; count > 0; --count) {
      const auto c = static_cast<double>(count);
      naive::number sum, squares;
      for (std::size_t j = 0; j < count; ++j) {
        const naive::number half = z[index(order[j])] / 2;
        sum += half / c;
        squares += half * half / c;
      }
      const naive::number rest = naive::number(1 / c) - squares + sum * sum;
      if (rest.value() < 0) continue;
      const naive::number tau = rest.value() > 0 ? sum - sqrt(rest) : sum;
      if (z[index(order[count - 1])].value() / 2 <= tau.value()) continue;
      for (std::size_t j = 0; j < count; ++j) {
        const naive::number root = z[index(order[j])] / 2 - tau;
        p[index(order[j])] = root * root;
      }
      break;
    }
    return p;
  }
  naive::number weight(const naive::number& s, const naive::number&) override { return s; }
  naive::vec mixed(const naive::call& at, const naive::vec& x, const std::vector<int>& chosen,
                   const naive::vec& weights) override {
    const auto layer = [&](const std::string& name, const naive::vec& in) {
      const naive::weight &u = at.w.at("experts." + name + ".experts"), &v = at.w.at("experts." + name + ".in"),
                          &b = at.w.at("experts." + name + ".bias"), &o = at.w.at("experts." + name + ".out");
      naive::vec y(o.cols);
      for (std::size_t q = 0; q < rank; ++q) {
        naive::number of_experts, of_input = b(at.layer, q);
        for (std::size_t j = 0; j < chosen.size(); ++j)
          of_experts += weights[j] * u(at.layer * experts + index(chosen[j]), q);
        for (std::size_t i = 0; i < in.size(); ++i) of_input += v(at.layer * rank + q, i) * in[i];
        for (std::size_t i = 0; i < y.size(); ++i) y[i] += of_experts * of_input * o(at.layer * rank + q, i);
      }
      return y;
    };
    naive::vec h = layer("first", x);
    for (naive::number& each : h) {
      const naive::number inner = std::sqrt(2 / std::acos(-1.0)) * (each + 0.044715 * each * each * each);
      each = 0.5 * each * (naive::number(1) + tanh(inner));
    }
    return layer("second", h);
  }
};

}  // namespace gmoe_test
