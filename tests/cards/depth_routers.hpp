#pragma once
/// The equations of depth_routers: Routers shared over depth, in loops over tokens, layers and experts: PathMoE and its
/// controls, Omni-Router, RMoE.

#include "cards/equations.hpp"

namespace gmoe_test {

/// Names of a router's parameters: a router that blocks of layers share has the first block's under "router.".
inline std::string router_of_block(std::size_t layer, std::size_t block) {
  const std::size_t b = block == 0 ? 0 : layer / block;
  return b == 0 ? "router." : "router.group." + std::to_string(b) + ".";
}

inline std::string router_of_layer(std::size_t layer) { return "router." + std::to_string(layer) + "."; }

inline vec cosines(const naive::weights& w, const std::string& at, const vec& x) {
  const vec u = rows_times(w.at(at + "down"), x);
  number length = 1e-12;
  for (const number& v : u) length += v * v;
  vec z;
  for (std::size_t e = 0; e < w.at(at + "keys").rows; ++e) {
    number dot = 0, of_key = 1e-12;
    for (std::size_t j = 0; j < u.size(); ++j) {
      const number& k = w.at(at + "keys")(e, j);
      dot += u[j] * k;
      of_key += k * k;
    }
    z.push_back(dot / sqrt(length) / sqrt(of_key) / exp(w.at(at + "log_temperature")[0]));
  }
  return z;
}

inline vec plain_cell(const vec& x, const vec& h, const naive::weights& w) {
  const vec i = rows_times(w.at("router.cell.weight_ih"), x), s = rows_times(w.at("router.cell.weight_hh"), h);
  vec next;
  for (std::size_t j = 0; j < h.size(); ++j)
    next.push_back(tanh(i[j] + w.at("router.cell.bias_ih")[j] + s[j] + w.at("router.cell.bias_hh")[j]));
  return next;
}

enum class balancing { none, per_layer, joint };

/// Top-k of softmax(z) over a private pool; z by the card's router.
struct depth_equations : naive::mixture {
  std::string card;
  std::size_t experts = 4, width = 12, k = 2, block = 4, narrow = 32;
  bool renormalise = true;
  double alpha = 0, routed = 1, always = 0;  ///< factors of the two parts
  balancing balance = balancing::none;

  std::vector<vec> f, p_means, first_logits, h;

  vec logits(const naive::call& at, const vec& x, std::size_t t) {
    const std::size_t l = at.layer;
    if (card == "path-moe" || card == "omni-router") return rows_times(at.w.at(router_of_block(l, block) + "gate"), x);
    if (card == "path-cosine") return cosines(at.w, router_of_block(l, block), x);
    if (card == "random-router") return rows_times(at.w.at(router_of_layer(l) + "gate"), x);
    if (card == "low-rank-moe") {
      vec z = rows_times(at.w.at("router.gate"), x);
      const vec own =
          rows_times(at.w.at(router_of_layer(l) + "up"), rows_times(at.w.at(router_of_layer(l) + "down"), x));
      for (std::size_t e = 0; e < experts; ++e) z[e] += own[e];
      return z;
    }
    if (card == "mono-block") {
      if (block == 0 ? l == 0 : l % block == 0) {
        first_logits.resize(at.x.size());
        first_logits[t] = rows_times(at.w.at(router_of_block(l, block) + "gate"), x);
      }
      return first_logits[t];
    }
    const vec a = rows_times(at.w.at(router_of_layer(l) + "down"), x);
    if (h.size() < at.x.size()) h.assign(at.x.size(), vec(narrow));
    h[t] = card == "rmoe-plain"
               ? plain_cell(a, h[t], at.w)
               : naive::gru(a, h[t], at.w.at("router.cell.weight_ih"), at.w.at("router.cell.weight_hh"),
                            at.w.at("router.cell.bias_ih"), at.w.at("router.cell.bias_hh"));
    return rows_times(at.w.at(router_of_layer(l) + "head"), h[t]);
  }

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const double tokens = static_cast<double>(at.x.size());
    naive::mat y;
    vec share(experts), mean(experts);
    for (std::size_t t = 0; t < at.x.size(); ++t) {
      const vec& x = at.x[t];
      record.logits.push_back(logits(at, x, t));
      const vec p = naive::softmax(record.logits.back());
      record.scores.push_back(p);
      record.weights.emplace_back();
      const std::vector<int> chosen = naive::largest(p, k);
      number sum = 1e-9;
      for (const int e : chosen) sum += p[static_cast<std::size_t>(e)];
      vec out(x.size());
      if (always != 0) {
        const std::string local = "h." + std::to_string(at.block) + ".moe.local.";
        const vec part = naive::expert(at.w.at(local + "w_in"), at.w.at(local + "w_out"), 0, width, x);
        for (std::size_t i = 0; i < x.size(); ++i) out[i] += number(always) * part[i];
      }
      for (const int c : chosen) {
        const auto e = static_cast<std::size_t>(c);
        const number weight = renormalise ? p[e] / sum : p[e];
        record.weights.back().push_back(number(routed) * weight);
        const vec part = naive::expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"),
                                       (at.layer * experts + e) * width, width, x);
        for (std::size_t i = 0; i < x.size(); ++i) out[i] += record.weights.back().back() * part[i];
        share[e] += 1 / (tokens * static_cast<double>(k));
      }
      for (std::size_t e = 0; e < experts; ++e) mean[e] += p[e] / tokens;
      record.chosen.push_back(chosen);
      y.push_back(out);
    }
    record.kept = record.chosen;
    f.push_back(share);
    p_means.push_back(mean);
    return y;
  }
  std::map<std::string, number> losses() override {
    if (balance == balancing::none) return {};
    const double layers = static_cast<double>(f.size()), n = static_cast<double>(experts);
    number sum;
    for (std::size_t e = 0; e < experts; ++e) {
      number of_all = 0, mean = 0;
      for (std::size_t l = 0; l < f.size(); ++l) {
        of_all += f[l][e] / layers;
        mean += p_means[l][e] / layers;
        if (balance == balancing::per_layer) sum += number(alpha * n / layers) * f[l][e] * p_means[l][e];
      }
      if (balance == balancing::joint) sum += number(alpha * n) * of_all * mean;
    }
    return {{"balance", sum}};
  }
};

inline depth_equations equations_of_depth(const std::string& card) {
  depth_equations q;
  q.card = card;
  if (card == "omni-router") {
    q.block = 0;
    q.k = 1;
    q.renormalise = false;
    q.balance = balancing::per_layer;
    q.alpha = 0.01;
  }
  if (card.starts_with("rmoe")) {
    q.balance = balancing::joint;
    q.alpha = 0.001;
  }
  if (card == "rmoe-shared") q.always = q.routed = 0.5;
  return q;
}

}  // namespace gmoe_test
