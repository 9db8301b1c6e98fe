#pragma once
/// The equations of vq-moe: the usual mixture of a token, and the expert of its code.

#include "cards/smoe.hpp"

namespace gmoe_test {

struct vq_moe_equations : smoe_equations {
  double codebook = 1, commitment = 0.25;
  std::map<std::string, naive::number> added{};
  std::size_t layers = 3;

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    naive::mat y = smoe_equations::operator()(at, record);
    const std::string own = "h." + std::to_string(at.block) + ".moe.form.";
    const naive::weight &codes = at.w.at(own + "codes"), &paths = at.w.at(own + "paths");
    for (std::size_t t = 0; t < at.x.size(); ++t) {
      const naive::vec& x = at.x[t];
      const std::size_t d = x.size();
      const naive::vec products = rows_times(codes, x);  // |x|^2 - 2 <x, v> + |v|^2
      std::size_t c = 0;
      std::vector<double> square(experts);
      for (std::size_t e = 0; e < experts; ++e) {
        for (std::size_t j = 0; j < d; ++j) square[e] += codes(e, j).value() * codes(e, j).value();
        square[e] -= 2 * products[e].value();
        if (square[e] < square[c]) c = e;
      }
      naive::vec quantised;
      const double each = 1 / static_cast<double>(layers * at.x.size() * d);
      for (std::size_t j = 0; j < d; ++j) {
        const naive::number v = codes(c, j);
        quantised.push_back(x[j] + naive::constant(v - x[j]));
        const naive::number to_token = naive::constant(x[j]) - v, to_code = x[j] - naive::constant(v);
        if (codebook > 0) added["vq_codebook"] += naive::number(codebook * each) * to_token * to_token;
        if (commitment > 0) added["vq_commitment"] += naive::number(commitment * each) * to_code * to_code;
      }
      const naive::vec a = naive::softmax(rows_times(paths, x));
      const naive::vec out = naive::expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"),
                                           (at.layer * experts + c) * width, width, quantised);
      for (std::size_t j = 0; j < d; ++j) y[t][j] = a[0] * y[t][j] + a[1] * out[j];
    }
    return y;
  }
  std::map<std::string, naive::number> losses() override {
    std::map<std::string, naive::number> all = smoe_equations::losses();
    all.insert(added.begin(), added.end());
    return all;
  }
};

}  // namespace gmoe_test
