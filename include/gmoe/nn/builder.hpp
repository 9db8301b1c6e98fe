#pragma once
/// Makes initialised parameters. Each draws from a stream named after it, so that equal names in different
/// variants start equal: comparisons begin from the same backbone.

#include <cmath>
#include <span>
#include <string>
#include <vector>

#include "gmoe/autograd/buffer.hpp"
#include "gmoe/autograd/parameter.hpp"
#include "gmoe/core/random.hpp"

namespace gmoe {

/// Whether parameters get memory and values, or only their shapes (for counting).
enum class build_mode { with_values, shapes_only };

/// Names nest by scope: make.scope("attn").normal("weight", ...) is "attn.weight".
template <class B>
class builder {
 public:
  explicit builder(std::uint64_t seed, build_mode mode = build_mode::with_values)
      : random_(random_stream(seed).fork("initial weights")), mode_(mode) {}

  builder scope(const std::string& name) const {
    builder inner = *this;
    inner.prefix_ = prefix_ + name + ".";
    return inner;
  }
  builder scope(const std::string& name, index_t number) const { return scope(name + "." + std::to_string(number)); }

  /// Normal(mean, deviation).
  parameter<B> normal(const std::string& name, index_t rows, index_t cols, double deviation, double mean = 0) const {
    return make(name, rows, cols,
                [&](const random_stream& r, std::uint64_t i) { return mean + deviation * r.normal(i); });
  }
  /// Uniform(-limit, limit).
  parameter<B> uniform(const std::string& name, index_t rows, index_t cols, double limit) const {
    return make(name, rows, cols,
                [&](const random_stream& r, std::uint64_t i) { return limit * (2 * r.uniform(i) - 1); });
  }
  /// The usual default of a linear layer, stored (out x in): Uniform(+-1 / sqrt(in)).
  parameter<B> linear(const std::string& name, index_t out, index_t in) const {
    return uniform(name, out, in, 1.0 / std::sqrt(static_cast<double>(in)));
  }
  /// Xavier uniform (Glorot & Bengio 2010) over the whole matrix.
  parameter<B> xavier_uniform(const std::string& name, index_t rows, index_t cols) const {
    return uniform(name, rows, cols, std::sqrt(6.0 / static_cast<double>(rows + cols)));
  }
  parameter<B> constant(const std::string& name, index_t rows, index_t cols, double value) const {
    return make(name, rows, cols, [&](const random_stream&, std::uint64_t) { return value; });
  }
  /// What is saved but not trained, filled with one value.
  buffer<B> constant_buffer(const std::string& name, index_t rows, index_t cols, double value) const {
    if (mode_ == build_mode::shapes_only) return {prefix_ + name, {}};
    return {prefix_ + name, matrix<B>::filled(rows, cols, static_cast<typename B::scalar>(value))};
  }
  /// A column of whole numbers from 0 to choices - 1, entry i being value(i).
  buffer<B> table(const std::string& name, index_t rows, index_t choices, auto&& value) const {
    if (mode_ == build_mode::shapes_only) return {prefix_ + name, {}, choices};
    std::vector<typename B::scalar> values(static_cast<std::size_t>(rows));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<typename B::scalar>(value(static_cast<index_t>(i)));
    return {prefix_ + name, matrix<B>::from_host(values, rows, 1), choices};
  }
  build_mode mode() const { return mode_; }
  /// Orthonormal columns, or rows where they are fewer, times `gain`: Gram-Schmidt, twice, on normal ones.
  parameter<B> orthogonal(const std::string& name, index_t rows, index_t cols, double gain = 1) const {
    if (mode_ == build_mode::shapes_only) return {prefix_ + name, rows, cols};
    const random_stream random = random_.fork(prefix_ + name);
    const bool tall = rows >= cols;
    const auto n = static_cast<std::size_t>(tall ? rows : cols), m = static_cast<std::size_t>(tall ? cols : rows);
    std::vector<double> column(n * m);  // column j at column[j * n]
    for (std::size_t i = 0; i < column.size(); ++i) column[i] = random.normal(i);
    for (std::size_t j = 0; j < m; ++j) {
      double* const v = &column[j * n];
      for (int pass = 0; pass < 2; ++pass)
        for (std::size_t k = 0; k < j; ++k) {
          const double* const u = &column[k * n];
          double along = 0;
          for (std::size_t i = 0; i < n; ++i) along += u[i] * v[i];
          for (std::size_t i = 0; i < n; ++i) v[i] -= along * u[i];
        }
      double length = 0;
      for (std::size_t i = 0; i < n; ++i) length += v[i] * v[i];
      for (std::size_t i = 0; i < n; ++i) v[i] /= std::sqrt(length);
    }
    std::vector<typename B::scalar> values(n * m);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < m; ++j)
        values[tall ? i * m + j : j * n + i] = static_cast<typename B::scalar>(gain * column[j * n + i]);
    return {prefix_ + name, matrix<B>::from_host(values, rows, cols)};
  }

 private:
  template <class Draw>
  parameter<B> make(const std::string& name, index_t rows, index_t cols, const Draw& draw) const {
    if (mode_ == build_mode::shapes_only) return {prefix_ + name, rows, cols};
    const random_stream random = random_.fork(prefix_ + name);
    std::vector<typename B::scalar> values(static_cast<std::size_t>(rows * cols));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<typename B::scalar>(draw(random, i));
    return {prefix_ + name, matrix<B>::from_host(values, rows, cols)};
  }

  random_stream random_;
  std::string prefix_;
  build_mode mode_;
};

}  // namespace gmoe
