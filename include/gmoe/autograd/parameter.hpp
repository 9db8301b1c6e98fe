#pragma once
/// Parameters: what training changes. A name, a value and a gradient that outlive every tape.

#include <string>
#include <utility>

#include "gmoe/backend/matrix.hpp"

namespace gmoe {

/// A learned matrix. The gradient always holds a valid sum: zeros at first, added to by backward passes, set to
/// zero by the optimiser. Sharing a parameter between layers needs no code: its gradient accumulates.
template <class B>
class parameter {
 public:
  parameter() = default;
  parameter(parameter&&) noexcept = default;
  parameter& operator=(parameter&&) noexcept = default;
  parameter(std::string name, matrix<B> value)
      : name_(std::move(name)), rows_(value.rows()), cols_(value.cols()), value_(std::move(value)) {}
  /// Only a shape: for counting parameters without the memory for them.
  parameter(std::string name, index_t rows, index_t cols) : name_(std::move(name)), rows_(rows), cols_(cols) {}

  const std::string& name() const { return name_; }
  index_t rows() const { return rows_; }
  index_t cols() const { return cols_; }
  index_t size() const { return rows_ * cols_; }

  matrix<B>& value() { return value_; }
  const matrix<B>& value() const { return value_; }
  /// The gradient, allocated and zeroed at first use: a model that is never trained has none.
  matrix<B>& gradient() {
    if (gradient_.empty() && size() > 0) gradient_ = matrix<B>::filled(rows_, cols_, typename B::scalar(0));
    return gradient_;
  }
  bool has_gradient() const { return !gradient_.empty(); }

 private:
  std::string name_;
  index_t rows_ = 0, cols_ = 0;
  matrix<B> value_, gradient_;
};

}  // namespace gmoe
