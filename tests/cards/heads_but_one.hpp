#pragma once
/// The equations of h-1-heads: experts that are all heads but one, each computed by itself.

#include "cards/equations.hpp"

namespace gmoe_test {

struct heads_but_one_equations : naive::mixture {
  mat operator()(const naive::call&, naive::layer_record&) override { return {}; }  // there is no other mixture

  mat attend(const naive::weights& w, const naive::settings& how, std::size_t block, const mat& x,
             const dropping& dropped) override {
    const std::string at = "h." + std::to_string(block) + ".attn.";
    const std::size_t d = x[0].size(), heads = how.heads, size = d / heads;
    mat qkv, y;
    vec sum(d);
    for (const vec& row : x) qkv.push_back(naive::affine(row, w.at(at + "c_attn.weight"), w.at(at + "c_attn.bias")));
    for (std::size_t t = 0; t < x.size(); ++t) {
      mat parts;  // of each head, before the last matrix
      for (std::size_t h = 0; h < heads; ++h) {
        vec scores;
        for (std::size_t u = 0; u <= t; ++u) {
          number dot = 0;
          for (std::size_t c = h * size; c < (h + 1) * size; ++c, ++naive::multiply_adds)
            dot += qkv[t][c] * qkv[u][d + c];
          scores.push_back(dot / std::sqrt(static_cast<double>(size)));
        }
        const vec p = naive::softmax(scores);
        vec part(d);
        for (std::size_t u = 0; u <= t; ++u)
          for (std::size_t c = h * size; c < (h + 1) * size; ++c, ++naive::multiply_adds)
            part[c] += p[u] * number(dropped(h, t, u)) * qkv[u][2 * d + c];
        parts.push_back(part);
      }
      vec mean;
      for (std::size_t c = 0; c < d; ++c) {
        sum[c] += x[t][c];
        mean.push_back(sum[c] / static_cast<double>(t + 1));
      }
      vec hidden = rows_times(w.at(at + "gate_in"), mean);
      for (number& v : hidden) v = tanh(v);
      const vec z = rows_times(w.at(at + "gate_out"), hidden), g = naive::softmax(z);
      vec joined(d);
      for (std::size_t i = 0; i < heads; ++i)
        for (std::size_t j = 0; j < heads; ++j)
          for (std::size_t c = 0; c < d && j != i; ++c)
            joined[c] += g[i] * (static_cast<double>(heads) / static_cast<double>(heads - 1)) * parts[j][c];
      y.push_back(naive::affine(joined, w.at(at + "c_proj.weight"), w.at(at + "c_proj.bias")));
      attn_logits.push_back(z);
    }
    return y;
  }
};

}  // namespace gmoe_test
