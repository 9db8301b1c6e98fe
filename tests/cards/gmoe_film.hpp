#pragma once
/// The equations of gmoe_film: GMoE's precursor: no propagated logits, but experts that see what router and scores make
/// of x.

#include "cards/equations.hpp"

namespace gmoe_test {

struct film_equations : naive::mixture {
  std::size_t experts = 4, width = 12;
  double alpha = 0.01, strength = 0.1;
  naive::mat h;
  std::vector<naive::number> balance;

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const std::size_t count = at.x.size(), d = at.x[0].size();
    const std::string router = "router." + std::to_string(at.layer) + ".",
                      form = "h." + std::to_string(at.block) + ".moe.form.",
                      local = "h." + std::to_string(at.block) + ".moe.local.";
    const auto w = [&](const std::string& name) -> const naive::weight& { return at.w.at(name); };
    const double epsilon = at.how.epsilon;
    if (h.empty()) h.assign(count, naive::vec(d));
    naive::vec f(experts), mean(experts);
    naive::mat out;
    for (std::size_t t = 0; t < count; ++t) {
      const naive::vec& x = at.x[t];
      h[t] = naive::gru(x, h[t], w("router.gru.weight_ih"), w("router.gru.weight_hh"), w("router.gru.bias_ih"),
                        w("router.gru.bias_hh"));
      record.logits.push_back(rows_times(
          w(router + "gate_head"), layer_norm(h[t], w(router + "h_ln.weight"), w(router + "h_ln.bias"), epsilon)));
      const naive::vec p = naive::softmax(record.logits.back());
      const auto s = static_cast<std::size_t>(naive::largest(p, 1)[0]);

      naive::vec c = layer_norm(h[t], w(form + "state_ln.weight"), w(form + "state_ln.bias"), epsilon);
      for (const naive::number& n : rows_times(
               w(form + "score_proj"), layer_norm(p, w(form + "score_ln.weight"), w(form + "score_ln.bias"), epsilon)))
        c.push_back(n);
      naive::vec u = rows_times(w(form + "w_in"), c);
      for (std::size_t i = 0; i < u.size(); ++i) u[i] = naive::relu(u[i] + w(form + "bias_in")[i]);
      naive::vec both = rows_times(w(form + "w_out"), u), seen;
      for (std::size_t i = 0; i < 2 * d; ++i) both[i] += w(form + "bias_out")[i];
      for (std::size_t i = 0; i < d; ++i)
        seen.push_back((naive::number(1) + naive::number(strength) * tanh(both[i])) * x[i] + both[d + i]);

      naive::vec y = naive::expert(w(local + "w_in"), w(local + "w_out"), 0, width, seen);
      const naive::vec part = naive::expert(w("experts.w_in"), w("experts.w_out"), s * width, width, seen);
      for (std::size_t i = 0; i < d; ++i) y[i] += p[s] * part[i];
      out.push_back(y);
      record.chosen.push_back({static_cast<int>(s)});
      record.scores.push_back(p);
      record.weights.push_back({p[s]});
      f[s] += 1.0 / static_cast<double>(count);
      for (std::size_t e = 0; e < experts; ++e) mean[e] += p[e] / static_cast<double>(count);
    }
    record.kept = record.chosen;
    naive::number loss;
    for (std::size_t e = 0; e < experts; ++e)
      loss += naive::number(alpha * static_cast<double>(experts)) * f[e] * mean[e];
    balance.push_back(loss);
    return out;
  }
  std::map<std::string, naive::number> losses() override {
    naive::number sum;
    for (const naive::number& l : balance) sum += l / static_cast<double>(balance.size());
    return {{"balance", sum}};
  }
};

}  // namespace gmoe_test
