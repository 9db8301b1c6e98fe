#pragma once
/// The equations of mov and molora, in which vectors or products of low rank adapt a layer that all experts share, and
/// of perft, in which each expert has an adapter.

#include "cards/body_equations.hpp"

namespace gmoe_test {

/// W2 h(W1 x) of a layer, with weights s = softmax(z) for all experts.
struct adapter_mixture : body_mixture {
  adapter_mixture() {
    alpha = 0;
    k = experts;
  }
  naive::number weight(const naive::number& s, const naive::number&) override { return s; }

  /// Row o of the layer's W1 times x, or column o of its rows W2' times h.
  naive::number hidden(const naive::call& at, std::size_t o, const naive::vec& x) const {
    const naive::weight& w = at.w.at("experts.in.base");
    naive::number sum;
    for (std::size_t i = 0; i < x.size(); ++i) sum += w(at.layer * width + o, i) * x[i];
    return sum;
  }
  naive::number outcome(const naive::call& at, std::size_t o, const naive::vec& h) const {
    const naive::weight& w = at.w.at("experts.out.base");
    naive::number sum;
    for (std::size_t i = 0; i < h.size(); ++i) sum += w(at.layer * width + i, o) * h[i];
    return sum;
  }
};

/// y = W2 ((sum_e s_e l_e) * relu(W1 x))
struct mov_equations : adapter_mixture {
  naive::vec mixed(const naive::call& at, const naive::vec& x, const std::vector<int>& chosen,
                   const naive::vec& s) override {
    const naive::weight& l = at.w.at("experts.vectors");
    naive::vec h(width), y(x.size());
    for (std::size_t o = 0; o < width; ++o) {
      naive::number scale;
      for (std::size_t j = 0; j < chosen.size(); ++j) scale += s[j] * l(at.layer * experts + index(chosen[j]), o);
      h[o] = scale * relu(hidden(at, o, x));
    }
    for (std::size_t o = 0; o < y.size(); ++o) y[o] = outcome(at, o, h);
    return y;
  }
};

/// h = relu(W1 x + sum_e s_e B_e A_e x), y = W2 h + sum_e s_e B'_e A'_e h
struct molora_equations : adapter_mixture {
  std::size_t rank = 4;
  bool adapts = true;

  naive::vec mixed(const naive::call& at, const naive::vec& x, const std::vector<int>& chosen,
                   const naive::vec& s) override {
    const auto adapt = [&](const std::string& name, const naive::vec& in, naive::vec& out) {
      if (!adapts) return;
      const naive::weight &a = at.w.at("experts." + name + ".a"), &b = at.w.at("experts." + name + ".b");
      for (std::size_t j = 0; j < chosen.size(); ++j)
        for (std::size_t q = 0; q < rank; ++q) {
          const std::size_t row = (at.layer * experts + index(chosen[j])) * rank + q;
          naive::number along;
          for (std::size_t i = 0; i < in.size(); ++i) along += a(row, i) * in[i];
          for (std::size_t o = 0; o < out.size(); ++o) out[o] += s[j] * along * b(row, o);
        }
    };
    naive::vec h(width), y(x.size());
    for (std::size_t o = 0; o < width; ++o) h[o] = hidden(at, o, x);
    adapt("in", x, h);
    for (naive::number& each : h) each = relu(each);
    for (std::size_t o = 0; o < y.size(); ++o) y[o] = outcome(at, o, h);
    adapt("out", h, y);
    return y;
  }
};

/// y = sum over the chosen of w_e (E_e(x) + U_e relu(D_e x))
struct perft_equations : body_mixture {
  std::size_t a = 8;

  naive::vec output(const naive::call& at, std::size_t e, const naive::vec& x) override {
    naive::vec y = body_mixture::output(at, e, x);
    add_to(y, 1,
           naive::expert(at.w.at("experts.adapters.down"), at.w.at("experts.adapters.up"), (at.layer * experts + e) * a,
                         a, x));
    return y;
  }
};

}  // namespace gmoe_test
