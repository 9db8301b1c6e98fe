#pragma once
/// Experts with thresholds, and a pool that grows and shrinks (DynMoE, Guo et al. 2024).

#include <algorithm>
#include <cmath>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/moe/step_statistics.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/columns.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/normalize.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/ops/repeat.hpp"
#include "gmoe/ops/scale_by.hpp"

namespace gmoe {

/// z_ti = s_ti - g_i, by how much an expert's score exceeds its threshold:
///     s_ti = sigmoid(a cos(x_t, w_i))     g_i = sigmoid(a G_i)
/// and -1 for experts at rest, which is below all others. Goes with plain_score, open_experts and open_share.
///
/// Every `window` steps, experts that no token has asked since the last time are put to rest (all but one, if it was
/// none); and if there were tokens that asked nobody, whose inputs sum to u, the first resting expert wakes up with
/// w = u / |u| and G = 0. Adds the loss "diversity": coefficient times
///     |W' W'^T - I|_F over the live experts, W' with rows of length one, + the mean length of their rows of W.
struct dynamic_router {
  using slot = slots::router;
  double scale = 1;  ///< a
  index_t window = 100;
  index_t live = 0;
  double diversity = 0.01;
  static constexpr auto fields =
      std::tuple{field{"scale", &dynamic_router::scale, "of cosines and thresholds",
                       limits{.least = 0, .most = 100, .without_least = true}},
                 field{"window", &dynamic_router::window, "steps between changes of the pool", at_least(1)},
                 field{"live", &dynamic_router::live, "experts that are live at first; 0: all", at_least(0)},
                 field{"diversity", &dynamic_router::diversity, "coefficient of the loss on the keys", at_least(0)}};

  template <class B>
  struct layer {
    parameter<B> keys;        ///< N x d, w
    parameter<B> thresholds;  ///< N x 1, G
    buffer<B> live;           ///< 1 x N, ones and zeros
    buffer<B> asked;          ///< 1 x N: pairs since the last change
    buffer<B> unserved;       ///< 1 x d: the sum of the inputs of tokens that asked nobody
    matrix<B> unit;           ///< N x N, I
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    require(l.experts <= l.d_model, "dynamic_router: ", l.experts, " keys of ", l.d_model,
            " numbers cannot be orthogonal; expected at most as many experts as d_model");
    require(live <= l.experts, "router.live is ", live, ", expected at most the ", l.experts,
            " experts that a layer sees");
    layer<B> made{orthogonal_rows(make, l.experts, l.d_model),       make.constant("thresholds", l.experts, 1, 0),
                  make.constant_buffer("live", 1, l.experts, 1),     make.constant_buffer("asked", 1, l.experts, 0),
                  make.constant_buffer("unserved", 1, l.d_model, 0), {}};
    if (make.mode() == build_mode::shapes_only) return made;
    const auto n = static_cast<std::size_t>(l.experts);
    std::vector<typename B::scalar> unit(n * n), there(n, 1);
    for (std::size_t i = 0; i < n; ++i) unit[i * n + i] = 1;
    if (live > 0) std::fill(there.begin() + live, there.end(), typename B::scalar(0));
    made.unit = matrix<B>::from_host(unit, l.experts, l.experts);
    made.live.value() = matrix<B>::from_host(there, 1, l.experts);
    return made;
  }

  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    const variable<B> keys = at.use(my.layer.keys), there = at.constant(my.layer.live.value());
    const variable<B> cosine = matmul(normalize_lengths(x), normalize_lengths(keys), op::transpose);
    const variable<B> s = sigmoid(gmoe::scale(cosine, scale));
    const variable<B> g = sigmoid(gmoe::scale(at.use(my.layer.thresholds), scale));
    if (at.training && diversity > 0) at.add_loss("diversity", gmoe::scale(alikeness(at, keys, there, my), diversity));
    const variable<B> excess = multiply_row(add_row(s, gmoe::scale(transpose(g), -1)), there);
    return add_row(excess, subtract(there, at.constant(matrix<B>::filled(1, there.cols(), 1))));
  }

  /// Tokens that asked nobody, of those that count.
  template <class B>
  void remember(const place<B>& at, const routing<B>& r, const auto&) const {
    if (!at.training || r.input.rows() == 0) return;
    const variable<B> ones(matrix<B>::filled(r.scores.rows(), r.experts, 1));
    const variable<B> served = open_gate(row_sums(gather_elements(ones, r.chosen)));
    variable<B> unserved = subtract(columns_of(ones, 0, 1), served);
    if (!r.valid.all()) unserved = multiply(unserved, variable<B>(r.valid.mask));
    at.add_statistic("unserved", matmul(transpose(unserved), variable<B>(r.input.value())).value());
  }
  template <class B>
  void after_step(std::int64_t step, const layer_statistics<B>& seen, const auto& my) const {
    std::vector<double> asked = numbers(my.layer.asked), u = numbers(my.layer.unserved);
    for (std::size_t e = 0; e < asked.size(); ++e) asked[e] += static_cast<double>(seen.load[e]);
    for (const auto& row : seen.rows)
      if (row.name == "unserved")
        for (std::size_t i = 0; i < u.size(); ++i) u[i] += row.values[i];
    if ((step + 1) % window == 0) {
      change_pool(my, asked, u);
      std::fill(asked.begin(), asked.end(), 0.0);
      std::fill(u.begin(), u.end(), 0.0);
    }
    assign(my.layer.asked.value(), asked);
    assign(my.layer.unserved.value(), u);
  }

 private:
  template <class B>
  static parameter<B> orthogonal_rows(const builder<B>& make, index_t rows, index_t cols) {
    parameter<B> turned = make.orthogonal("keys", cols, rows);
    if (make.mode() == build_mode::shapes_only) return {turned.name(), rows, cols};
    const auto from = turned.value().to_host();
    std::vector<typename B::scalar> to(from.size());
    const auto n = static_cast<std::size_t>(rows), d = static_cast<std::size_t>(cols);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < d; ++j) to[i * d + j] = from[j * n + i];
    return {turned.name(), matrix<B>::from_host(to, rows, cols)};
  }
  template <class B>
  static variable<B> alikeness(const place<B>& at, const variable<B>& keys, const variable<B>& there, const auto& my) {
    const variable<B> down = transpose(there);
    const variable<B> w = multiply_col(normalize_lengths(keys), down);  // rows of experts at rest are zeros
    const variable<B> rest = subtract(matmul(w, w, op::transpose), multiply_row(at.constant(my.layer.unit), there));
    // The root has no slope at 0, where orthogonal keys begin.
    const variable<B> far = sqrt(add(sum(square(rest)), at.constant(matrix<B>::filled(1, 1, 1e-12))));
    return add(far, multiply(sum(multiply(row_norms(keys), down)), reciprocal(sum(there))));
  }
  static std::vector<double> numbers(const auto& b) {
    const auto v = b.value().to_host();
    return {v.begin(), v.end()};
  }
  template <class B>
  static void assign(matrix<B>& to, const std::vector<double>& from) {
    const std::vector<typename B::scalar> v(from.begin(), from.end());
    B::upload(to.data(), v.data(), v.size() * sizeof(v[0]));
  }
  static void change_pool(const auto& my, const std::vector<double>& asked, const std::vector<double>& u) {
    std::vector<double> there = numbers(my.layer.live);
    if (std::any_of(asked.begin(), asked.end(), [](double n) { return n > 0; }))
      for (std::size_t e = 0; e < there.size(); ++e) there[e] = there[e] > 0 && asked[e] > 0;
    double length = 0;
    for (const double v : u) length += v * v;
    length = std::sqrt(length);
    const auto resting = std::find(there.begin(), there.end(), 0.0);
    if (length > 0 && resting != there.end()) {
      const auto e = static_cast<std::size_t>(resting - there.begin());
      *resting = 1;
      std::vector<double> keys = numbers(my.layer.keys), thresholds = numbers(my.layer.thresholds);
      for (std::size_t i = 0; i < u.size(); ++i) keys[e * u.size() + i] = u[i] / length;
      thresholds[e] = 0;
      assign(my.layer.keys.value(), keys);
      assign(my.layer.thresholds.value(), thresholds);
      const std::vector<index_t> again{static_cast<index_t>(e)};
      my.layer.keys.forget_moments(again);
      my.layer.thresholds.forget_moments(again);
    }
    assign(my.layer.live.value(), there);
  }
};

}  // namespace gmoe
