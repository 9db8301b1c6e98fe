#pragma once
/// What references of cards that differ in selection have in common: a linear router, a pool per layer, pairs.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "cards/check.hpp"
#include "gmoe/model/causality.hpp"

namespace naive {

/// y_t = sum over the pairs of t of w E_e(x_t). A subclass makes the pairs of a layer from the logits.
struct paired_mixture : mixture {
  struct pair {
    std::size_t expert;
    number weight;
    bool kept = true;
  };
  using pairs = std::vector<std::vector<pair>>;  ///< of every token

  std::size_t experts = 4, width = 12;

  virtual pairs choose(const call& at, const mat& z) = 0;
  /// E_e(x).
  virtual vec output(const call& at, std::size_t e, const vec& x) {
    return expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"), (at.layer * experts + e) * width, width, x);
  }
  virtual vec logits(const call& at, const vec& x) {
    return rows_times(at.w.at("router." + std::to_string(at.layer) + ".gate"), x);
  }

  mat operator()(const call& at, layer_record& record) override {
    mat z, y;
    for (const vec& x : at.x) z.push_back(logits(at, x));
    const pairs all = choose(at, z);
    for (std::size_t t = 0; t < at.x.size(); ++t) {
      vec out(at.x[t].size());
      record.chosen.emplace_back();
      record.kept.emplace_back();
      for (const pair& p : all[t]) {
        record.chosen.back().push_back(static_cast<int>(p.expert));
        record.kept.back().push_back(p.kept ? static_cast<int>(p.expert) : -1);
        if (!p.kept) continue;
        const vec part = output(at, p.expert, at.x[t]);
        for (std::size_t i = 0; i < out.size(); ++i) out[i] += p.weight * part[i];
      }
      y.push_back(out);
    }
    return y;
  }
};

inline mat softmax_of_rows(const mat& z) {
  mat p;
  for (const vec& row : z) p.push_back(softmax(row));
  return p;
}
inline mat turned(const mat& x) {
  mat y(x[0].size(), vec(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t j = 0; j < x[i].size(); ++j) y[j][i] = x[i][j];
  return y;
}

/// N sum_i f_i P_i of one layer.
inline number switch_term(const paired_mixture::pairs& chosen, const mat& p) {
  const std::size_t n = p[0].size();
  double count = 0;
  vec f(n), mean(n);
  for (const auto& token : chosen) count += static_cast<double>(token.size());
  for (std::size_t t = 0; t < p.size(); ++t) {
    for (const auto& c : chosen[t]) f[c.expert] += 1 / count;
    for (std::size_t e = 0; e < n; ++e) mean[e] += p[t][e] / static_cast<double>(p.size());
  }
  number sum;
  for (std::size_t e = 0; e < n; ++e) sum += number(static_cast<double>(n)) * f[e] * mean[e];
  return sum;
}
/// The mean over the layers.
inline number mean_of(const vec& terms) {
  number sum;
  for (const number& t : terms) sum += t / static_cast<double>(terms.size());
  return sum;
}

}  // namespace naive

namespace gmoe_test {

/// Every buffer of the model whose name ends so gets random numbers around `mean`, small ones.
template <class B>
void randomise_buffers(gmoe::any_model<B>& model, const std::string& name, double mean) {
  model.each_buffer([&](gmoe::buffer<B>& b) {
    if (!b.name().ends_with(name)) return;
    const gmoe::random_stream random = gmoe::random_stream(3).fork(b.name());
    std::vector<typename B::scalar> v(static_cast<std::size_t>(b.value().size()));
    for (std::size_t i = 0; i < v.size(); ++i)
      v[i] = static_cast<typename B::scalar>(mean * (0.6 + 0.8 * random.uniform(i)));
    b.value() = gmoe::matrix<B>::from_host(v, b.value().rows(), b.value().cols());
  });
}
/// The numbers of a buffer, layer by layer.
template <class B>
std::vector<std::vector<double>> buffers_of(gmoe::any_model<B>& model, const std::string& name) {
  std::vector<std::vector<double>> all;
  model.each_buffer([&](gmoe::buffer<B>& b) {
    if (!b.name().ends_with(name)) return;
    const auto v = b.value().to_host();
    all.emplace_back(v.begin(), v.end());
  });
  return all;
}

/// What the model hears after one training pass over the text of the case, as its step number c.step.
template <class B>
void hear_one_step(gmoe::any_model<B>& model, const card_case& c) {
  gmoe::step_statistics<B> seen;
  seen.add(losses_of(model, text(c.batch, c.sequence, c.shape.vocab), true).found);
  model.after_step(c.step, seen);
}

/// It looks at the batch in training and at no later token in evaluation; padding is nobody.
inline void check_looks_ahead_in_training_alone(const card_case& c) {
  using B = GMOE_TEST_BACKEND<double>;
  const auto model = model_of<B>(c);
  CHECK(gmoe::check_causality(*model, 6, true).measured == gmoe::reach::batch);
  CHECK(gmoe::check_causality(*model, 6).measured <= gmoe::reach::past);
  CHECK(card_of(c).reach(true).how == gmoe::reach::batch);
  CHECK(card_of(c).reach(false).how <= gmoe::reach::past);
  for (const bool training : {true, false}) check_padding(*model, training);
}

}  // namespace gmoe_test
