#pragma once
/// A reference for every variant: its mixtures as loops over tokens and experts, written from the equations of the
/// papers.

#include "naive_backbone.hpp"

namespace naive {

enum class router_kind { linear, recurrent, table };
enum class cut { raw, projected, nowhere };
enum class weighting { raw, normalised, one };
enum class room { unlimited, switch_, gshard_authors, gshard_paper, no_local };
enum class balance { none, all_choices, first_choices, joint };

/// What a variant computes, in numbers.
struct variant {
  std::size_t experts = 4, width = 12, k = 1;  ///< N, m and active experts per token
  bool one_pool = true;                        ///< for all layers
  std::size_t always = 0;                      ///< hidden units that every token visits besides
  router_kind router = router_kind::recurrent;
  bool state = true, propagates = true;
  cut where = cut::raw;
  weighting weigh = weighting::raw;
  naive::room room = room::unlimited;  ///< applied in training
  naive::balance balance = balance::all_choices;
  std::vector<bool> mixture = {true, true, true};  ///< block by block
  std::vector<int> table;                          ///< expert of every token id
  bool relu_dense = false;
  double capacity_factor = 1.25, alpha = 0.01;
  std::function<double(std::size_t block, std::size_t token)> draw;                        ///< GShard's second choices
  std::function<double(std::size_t block, std::size_t token, std::size_t column)> jitter;  ///< on a router's input
};

/// Marks as dropped (-1) what the variant's rule drops.
inline std::vector<std::vector<int>> drop(const variant& v, const settings& s, std::size_t block,
                                          const std::vector<std::vector<int>>& chosen, const mat& gate) {
  auto kept = chosen;
  if (!s.training || v.room == room::unlimited) return kept;
  const double tokens = static_cast<double>(chosen.size()), n = static_cast<double>(v.experts);
  const double pairs = tokens * static_cast<double>(v.k);
  std::vector<int> taken(v.experts, 0);
  const auto admit = [&](int& e, int capacity) {
    if (e < 0) return;
    if (taken[static_cast<std::size_t>(e)] >= capacity)
      e = -1;
    else
      ++taken[static_cast<std::size_t>(e)];
  };
  if (v.room == room::gshard_authors || v.room == room::gshard_paper)
    for (std::size_t t = 0; t < kept.size(); ++t)
      if (!(2 * gate[t][1].value() > v.draw(block, t))) kept[t][1] = -1;
  switch (v.room) {
    case room::switch_: {
      const int capacity = static_cast<int>(v.capacity_factor * std::ceil(pairs / n));
      for (auto& token : kept)
        for (int& e : token) admit(e, capacity);
      break;
    }
    case room::no_local: {
      const int capacity = static_cast<int>(v.capacity_factor * tokens / n);
      for (auto& token : kept)
        for (int& e : token) admit(e, capacity);
      break;
    }
    case room::gshard_authors: {
      const int capacity = static_cast<int>(v.capacity_factor * std::ceil(2 * tokens / n));
      for (auto& token : kept) admit(token[0], capacity);
      taken.assign(v.experts, 0);
      for (auto& token : kept) admit(token[1], capacity);
      break;
    }
    case room::gshard_paper: {
      const int capacity = static_cast<int>(v.capacity_factor * 2 * tokens / n);
      for (auto& token : kept) admit(token[0], capacity);
      for (auto& token : kept) admit(token[1], capacity);
      break;
    }
    default:
      break;
  }
  return kept;
}

/// Its mixtures.
class variant_mixture : public mixture {
 public:
  explicit variant_mixture(const variant& v) : v_(v) {}

  mat operator()(const call& here, layer_record& record) override {
    const variant& v = v_;
    const auto& [w, s, tokens, block, layer, x, residual] = here;
    const std::size_t count = x.size(), d = x[0].size();
    if (h.empty()) {
      h.assign(count, vec(d));
      z.assign(count, vec(v.experts));
    }
    const std::string at = "h." + std::to_string(block) + ".";
    mat out(count);
    const std::string router = "router." + std::to_string(layer) + ".";
    mat p, gate;
    for (std::size_t t = 0; t < count; ++t) {
      vec seen = x[t];
      if (v.jitter)
        for (std::size_t c = 0; c < d; ++c) seen[c] = seen[c] * v.jitter(block, t, c);
      vec logits(v.experts);
      if (v.router == router_kind::linear) {
        logits = rows_times(w.at(router + "gate"), seen);
      } else if (v.router == router_kind::table) {
        logits[static_cast<std::size_t>(v.table[static_cast<std::size_t>(tokens[t])])] = 1;
      } else {
        h[t] = v.state ? gru(seen, h[t], w.at("router.gru.weight_ih"), w.at("router.gru.weight_hh"),
                             w.at("router.gru.bias_ih"), w.at("router.gru.bias_hh"))
                       : seen;
        vec features = layer_norm(h[t], w.at(router + "h_ln.weight"), w.at(router + "h_ln.bias"), s.epsilon);
        if (v.propagates) {
          vec q = z[t];
          if (v.where == cut::raw)
            for (number& n : q) n = constant(n);
          vec e = rows_times(
              w.at(router + "prev_score_proj"),
              layer_norm(q, w.at(router + "prev_score_ln.weight"), w.at(router + "prev_score_ln.bias"), s.epsilon));
          if (v.where == cut::projected)
            for (number& n : e) n = constant(n);
          features.insert(features.end(), e.begin(), e.end());
        }
        logits = rows_times(w.at(router + "gate_head"), features);
        z[t] = logits;
      }
      record.logits.push_back(logits);
      p.push_back(v.router == router_kind::table ? logits : softmax(logits));

      const std::vector<int> chosen = largest(p[t], v.k);
      record.chosen.push_back(chosen);
      vec g;
      number sum = 1e-9;
      for (int e : chosen) sum += p[t][static_cast<std::size_t>(e)];
      for (int e : chosen) {
        const number& score = p[t][static_cast<std::size_t>(e)];
        g.push_back(v.weigh == weighting::one ? number(1) : v.weigh == weighting::raw ? score : score / sum);
      }
      gate.push_back(g);
    }
    record.kept = drop(v, s, block, record.chosen, gate);

    for (std::size_t t = 0; t < count; ++t) {
      vec y(d);
      if (v.always > 0) y = expert(w.at(at + "moe.local.w_in"), w.at(at + "moe.local.w_out"), 0, v.always, x[t]);
      for (std::size_t j = 0; j < v.k; ++j) {
        const int e = record.kept[t][j];
        if (e < 0) continue;
        const std::size_t in_bank = (v.one_pool ? 0 : layer * v.experts) + static_cast<std::size_t>(e);
        const vec out = expert(w.at("experts.w_in"), w.at("experts.w_out"), in_bank * v.width, v.width, x[t]);
        for (std::size_t c = 0; c < d; ++c) y[c] += gate[t][j] * out[c];
      }
      out[t] = y;
    }

    vec f(v.experts), mean(v.experts);
    const std::size_t counted = v.balance == balance::first_choices ? 1 : v.k;
    for (std::size_t t = 0; t < count; ++t) {
      for (std::size_t j = 0; j < counted; ++j)
        f[static_cast<std::size_t>(record.chosen[t][j])] += 1.0 / static_cast<double>(count * counted);
      for (std::size_t e = 0; e < v.experts; ++e) mean[e] += p[t][e] / static_cast<double>(count);
    }
    all_f.push_back(f);
    all_p.push_back(mean);
    return out;
  }

  std::map<std::string, number> losses() override {
    const variant& v = v_;
    const std::size_t layer = all_f.size();
    if (v.balance == balance::none || layer == 0) return {};
    const double n = static_cast<double>(v.experts), layers = static_cast<double>(layer);
    number sum;
    for (std::size_t e = 0; e < v.experts; ++e) {
      number f = 0, mean = 0;  // over all layers together
      for (std::size_t l = 0; l < layer; ++l) {
        f += all_f[l][e] / layers;
        mean += all_p[l][e] / layers;
        if (v.balance != balance::joint) sum += number(v.alpha * n / layers) * all_f[l][e] * all_p[l][e];
      }
      if (v.balance == balance::joint) sum += number(v.alpha * n) * f * mean;
    }
    return {{"balance", sum}};
  }

 private:
  const variant& v_;
  mat h, z;  ///< the router's state, zero at first
  std::vector<vec> all_f, all_p;
};

/// Losses and routing of a batch; a target of -1 is not scored.
inline result run(const variant& v, settings s, const weights& w, const std::vector<int>& tokens,
                  const std::vector<int>& targets) {
  s.relu_dense = v.relu_dense;
  variant_mixture mixtures(v);
  return run(mixtures, v.mixture, s, w, tokens, targets);
}

}  // namespace naive
