#pragma once
/// The equations of subspace: a dense layer, and directions that a token adds to it.

#include "cards/body_equations.hpp"

namespace gmoe_test {

/// E_s(x) + gamma * sum of q_i <u_i, x> v_i, with losses on use, strength, angles and logits.
struct subspace_equations : body_mixture {
  std::size_t layers = 3;
  double budget = 0.01, least = 1, limit = 20, on_logits = 1e-4, on_angles = 1e-3;

  naive::vec scores(const naive::call& at, const naive::vec& x) override {
    body_mixture::scores(at, x);
    naive::vec a;
    naive::number all;
    for (std::size_t j = 0; j < experts; ++j) {
      said[j] += mine(at, "bias")[j];
      all += exp(said[j]);
    }
    if (at.how.training && on_logits > 0)
      added["router_z"] += naive::number(on_logits / static_cast<double>(layers * at.x.size())) * log(all) * log(all);
    for (naive::number& z : said) {
      if (std::abs(z.value()) > limit) z = z.value() > 0 ? limit : -limit;
      a.push_back(log(naive::number(1) + exp(z)));
    }
    shares.push_back(naive::softmax(said));
    return a;
  }
  naive::number weight(const naive::number& s, const naive::number& sum) override {
    const naive::number strength = sum - 1e-9;
    return s / (strength + 1e-6) * tanh(strength);
  }
  naive::vec mixed(const naive::call& at, const naive::vec& x, const std::vector<int>& chosen,
                   const naive::vec& weights) override {
    const std::string local = "h." + std::to_string(at.block) + ".moe.local.",
                      own = "experts.layer." + std::to_string(at.layer) + ".";
    const naive::mat u = directions(at.w.at(own + "read")), v = directions(at.w.at(own + "write"));
    if (at.how.training && on_angles > 0)
      added["orthogonality"] += naive::number(on_angles / static_cast<double>(layers * at.x.size())) *
                                (overlap(u) + overlap(v));  // the same for every token
    naive::vec part(x.size());
    for (std::size_t j = 0; j < chosen.size(); ++j)
      add_to(part, weights[j] * dot_of(u[index(chosen[j])], x), v[index(chosen[j])]);
    naive::vec y = naive::expert(at.w.at(local + "w_in"), at.w.at(local + "w_out"), 0, width, x);
    for (std::size_t i = 0; i < x.size(); ++i) y[i] += at.w.at(own + "gain")[i] * part[i];
    return y;
  }
  naive::number loss(const naive::call&, const naive::mat& s, const std::vector<std::vector<int>>& chosen) override {
    const auto tokens = static_cast<double>(s.size());
    naive::number even, strength;
    for (std::size_t j = 0; j < experts; ++j) {
      naive::number mean;
      for (const naive::vec& p : shares) mean += p[j] / tokens;
      even += mean * mean;
    }
    for (std::size_t t = 0; t < s.size(); ++t)
      for (const int e : chosen[t]) strength += s[t][index(e)] / tokens;
    shares.clear();
    const naive::number lack = relu(naive::number(least) - strength);
    return naive::number(alpha * static_cast<double>(experts)) * even + naive::number(budget) * lack * lack;
  }

 private:
  naive::mat shares{};  ///< softmax of the logits, of the tokens of the layer so far

  static naive::mat directions(const naive::weight& w) {
    naive::mat rows;
    for (std::size_t i = 0; i < w.rows; ++i) {
      naive::vec row = row_of(w, i);
      const naive::number length = sqrt(dot_of(row, row) + 1e-12);
      for (naive::number& c : row) c = c / length;
      rows.push_back(row);
    }
    return rows;
  }
  static naive::number overlap(const naive::mat& u) {
    naive::number all;
    for (std::size_t i = 0; i < u.size(); ++i)
      for (std::size_t j = 0; j < u.size(); ++j)
        if (i != j) all += dot_of(u[i], u[j]) * dot_of(u[i], u[j]);
    return all;
  }
};

}  // namespace gmoe_test
