#pragma once
/// References for the tests: matrices of doubles on the host, the ways to and from a backend, and plain loops
/// written straight from the formulas.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <vector>

#include "gmoe/backend/arguments.hpp"
#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/random.hpp"

namespace gmoe_test {

using gmoe::id_type;
using gmoe::index_t;

inline constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
/// Where no expert is chosen, short enough to stand in a row of choices.
inline constexpr id_type none = gmoe::no_choice;

/// A matrix on the host.
struct table {
  index_t rows = 0, cols = 0;
  std::vector<double> values;

  table() = default;
  table(index_t r, index_t c, double value = 0) : rows(r), cols(c), values(static_cast<std::size_t>(r * c), value) {}
  table(index_t r, index_t c, std::initializer_list<double> v) : rows(r), cols(c), values(v) {}
  double& operator()(index_t i, index_t j) { return values[static_cast<std::size_t>(i * cols + j)]; }
  double operator()(index_t i, index_t j) const { return values[static_cast<std::size_t>(i * cols + j)]; }
};

/// Numbers in [low, high) that a float holds exactly, so that both precisions start from the same ones.
inline table random_table(index_t rows, index_t cols, std::uint64_t seed, double low = -1, double high = 1) {
  table t(rows, cols);
  const gmoe::random_stream random(seed);
  for (std::size_t i = 0; i < t.values.size(); ++i)
    t.values[i] = static_cast<float>(low + (high - low) * random.uniform(i));
  return t;
}

/// To the backend; const, so that its view is an input.
template <class B>
const gmoe::matrix<B> put(const table& t) {
  std::vector<typename B::scalar> v(t.values.begin(), t.values.end());
  return gmoe::matrix<B>::from_host(v, t.rows, t.cols);
}
template <class B>
table get(const gmoe::matrix<B>& m) {
  const auto v = m.to_host();
  table t(m.rows(), m.cols());
  t.values.assign(v.begin(), v.end());
  return t;
}
template <class B>
const gmoe::id_matrix<B> put_ids(const std::vector<id_type>& ids, index_t rows, index_t cols) {
  return gmoe::id_matrix<B>::from_host(ids, rows, cols);
}

/// A rectangle inside a larger matrix: a view whose rows are not consecutive, with a border that must stay as it is.
template <class B>
class framed {
 public:
  explicit framed(const table& inner)
      : rows_(inner.rows), cols_(inner.cols), outer_(inner.rows + 3, inner.cols + 5, border) {
    for (index_t i = 0; i < rows_; ++i)
      for (index_t j = 0; j < cols_; ++j) outer_(i + 1, j + 2) = inner(i, j);
    memory_ = put<B>(outer_);
  }
  auto view() { return memory_.view().row_block(1, rows_).col_block(2, cols_); }
  auto view() const { return memory_.view().row_block(1, rows_).col_block(2, cols_); }
  auto in() const { return view(); }
  table inner() const {
    const table all = get(memory_);
    table t(rows_, cols_);
    for (index_t i = 0; i < rows_; ++i)
      for (index_t j = 0; j < cols_; ++j) t(i, j) = all(i + 1, j + 2);
    return t;
  }
  bool border_untouched() const {
    const table all = get(memory_);
    for (index_t i = 0; i < all.rows; ++i)
      for (index_t j = 0; j < all.cols; ++j) {
        const bool inside = i >= 1 && i <= rows_ && j >= 2 && j < cols_ + 2;
        if (!inside && all(i, j) != border) return false;
      }
    return true;
  }

 private:
  static constexpr double border = 77;
  index_t rows_, cols_;
  table outer_;
  gmoe::matrix<B> memory_;
};

/// Largest difference, relative to the largest expected entry (at least 1e-3). Infinite for NaN or another shape.
inline double difference(const table& actual, const table& expected) {
  if (actual.rows != expected.rows || actual.cols != expected.cols) return std::numeric_limits<double>::infinity();
  double worst = 0, largest = 1e-3;
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    const double d = std::abs(actual.values[i] - expected.values[i]);
    if (!(d <= std::numeric_limits<double>::max())) return std::numeric_limits<double>::infinity();
    worst = std::max(worst, d);
    largest = std::max(largest, std::abs(expected.values[i]));
  }
  return worst / largest;
}

/// f of every element of tables of one shape.
template <class F, class... Tables>
table each(const F& f, const table& first, const Tables&... more) {
  table y(first.rows, first.cols);
  for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] = f(first.values[i], more.values[i]...);
  return y;
}

inline table transposed(const table& a) {
  table t(a.cols, a.rows);
  for (index_t i = 0; i < a.rows; ++i)
    for (index_t j = 0; j < a.cols; ++j) t(j, i) = a(i, j);
  return t;
}

/// alpha op(a) op(b) + beta c; c is not read where beta is 0.
inline table product(gmoe::op op_a, gmoe::op op_b, double alpha, const table& a, const table& b, double beta,
                     const table& c) {
  const table left = op_a == gmoe::op::none ? a : transposed(a);
  const table right = op_b == gmoe::op::none ? transposed(b) : b;  // by columns
  table y(left.rows, right.rows);
  for (index_t i = 0; i < y.rows; ++i)
    for (index_t j = 0; j < y.cols; ++j) {
      const double *row = left.values.data() + i * left.cols, *column = right.values.data() + j * right.cols;
      double sum = 0;
      for (index_t k = 0; k < left.cols; ++k) sum += row[k] * column[k];
      y(i, j) = alpha * sum + (beta == 0 ? 0 : beta * c(i, j));
    }
  return y;
}
inline table product(const table& a, const table& b) { return product(gmoe::op::none, gmoe::op::none, 1, a, b, 0, {}); }
inline table product_transposed(const table& a, const table& b) {  // a b'
  return product(gmoe::op::none, gmoe::op::transpose, 1, a, b, 0, {});
}

inline table softmax(const table& x) {
  table y = x;
  for (index_t i = 0; i < x.rows; ++i) {
    double top = x(i, 0), sum = 0;
    for (index_t j = 0; j < x.cols; ++j) top = std::max(top, x(i, j));
    for (index_t j = 0; j < x.cols; ++j) sum += std::exp(x(i, j) - top);
    for (index_t j = 0; j < x.cols; ++j) y(i, j) = std::exp(x(i, j) - top) / sum;
  }
  return y;
}

inline table layer_norm(const table& x, const table& gain, const table& bias, double epsilon) {
  table y = x;
  for (index_t i = 0; i < x.rows; ++i) {
    double mean = 0, square = 0;
    for (index_t j = 0; j < x.cols; ++j) mean += x(i, j) / static_cast<double>(x.cols);
    for (index_t j = 0; j < x.cols; ++j) square += (x(i, j) - mean) * (x(i, j) - mean) / static_cast<double>(x.cols);
    for (index_t j = 0; j < x.cols; ++j)
      y(i, j) = (x(i, j) - mean) / std::sqrt(square + epsilon) * gain(0, j) + bias(0, j);
  }
  return y;
}

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
inline double gelu(double x) {
  return x / 2 * (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
}

/// Causal attention of qkv (columns [Q | K | V]); `mask` scales each probability: mask(head task, row, column).
template <class Mask>
table attention(const table& qkv, const gmoe::attention_shape& s, const Mask& mask) {
  const index_t head = qkv.cols / (s.heads + 2 * s.key_heads()), d = head * s.heads, of_values = d + d / s.sharing;
  table y(qkv.rows, d);
  for (index_t b = 0; b < s.batch; ++b)
    for (index_t h = 0; h < s.heads; ++h)
      for (index_t i = 0; i < s.sequence; ++i) {
        const index_t row = b * s.sequence + i, shared = h / s.sharing * head;
        std::vector<double> p(static_cast<std::size_t>(i + 1));
        double top = -1e300, sum = 0;
        for (index_t j = 0; j <= i; ++j) {
          double dot = 0;
          for (index_t c = 0; c < head; ++c) dot += qkv(row, h * head + c) * qkv(b * s.sequence + j, d + shared + c);
          p[static_cast<std::size_t>(j)] = dot / std::sqrt(static_cast<double>(head));
          top = std::max(top, p[static_cast<std::size_t>(j)]);
        }
        for (double& v : p) sum += v = std::exp(v - top);
        for (index_t j = 0; j <= i; ++j)
          for (index_t c = 0; c < head; ++c)
            y(row, h * head + c) += p[static_cast<std::size_t>(j)] / sum * mask(b * s.heads + h, i, j) *
                                    qkv(b * s.sequence + j, of_values + shared + c);
      }
  return y;
}
inline table attention(const table& qkv, const gmoe::attention_shape& s) {
  return attention(qkv, s, [](index_t, index_t, index_t) { return 1.0; });
}

/// One expert per entry of `units`, rows of w_in and w_out in that order. For each token, the sum over its choices of
/// weight * w_out' act(w_in x).
template <class Activation>
table experts(const table& x, const std::vector<std::vector<id_type>>& choice, const table& weights,
              const std::vector<index_t>& first_unit, const table& w_in, const table& w_out, const Activation& act) {
  table y(x.rows, x.cols);
  for (index_t t = 0; t < x.rows; ++t)
    for (std::size_t j = 0; j < choice[static_cast<std::size_t>(t)].size(); ++j) {
      const id_type e = choice[static_cast<std::size_t>(t)][j];
      if (e == gmoe::no_choice) continue;
      for (index_t u = first_unit[static_cast<std::size_t>(e)]; u < first_unit[static_cast<std::size_t>(e) + 1]; ++u) {
        double sum = 0;
        for (index_t c = 0; c < x.cols; ++c) sum += w_in(u, c) * x(t, c);
        const double h = act(sum) * (weights.values.empty() ? 1.0 : weights(t, static_cast<index_t>(j)));
        for (index_t c = 0; c < x.cols; ++c) y(t, c) += w_out(u, c) * h;
      }
    }
  return y;
}

}  // namespace gmoe_test
