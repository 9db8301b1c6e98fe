#pragma once
/// Parameters: what training changes. A name, a value and a gradient that outlive every tape.

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gmoe/backend/matrix.hpp"

namespace gmoe {

/// A learned matrix. Backward passes add to its gradient, which takes memory from the first contribution until the
/// optimiser has used it; between steps there is none. Sharing a parameter between layers needs no code: its gradient
/// accumulates.
template <class B>
class parameter {
 public:
  parameter() = default;
  parameter(parameter&&) noexcept = default;
  parameter& operator=(parameter&&) noexcept = default;
  parameter(std::string name, matrix<B> value)
      : name_(std::move(name)),
        rows_(value.rows()),
        cols_(value.cols()),
        value_(std::move(value)),
        gradient_(std::make_shared<matrix<B>>()) {}
  /// Only a shape: for counting parameters without the memory for them.
  parameter(std::string name, index_t rows, index_t cols)
      : name_(std::move(name)), rows_(rows), cols_(cols), gradient_(std::make_shared<matrix<B>>()) {}

  const std::string& name() const { return name_; }
  index_t rows() const { return rows_; }
  index_t cols() const { return cols_; }
  index_t size() const { return rows_ * cols_; }

  matrix<B>& value() { return value_; }
  const matrix<B>& value() const { return value_; }
  /// The sum of all contributions since it was last forgotten; made of zeros if there were none.
  matrix<B>& gradient() {
    matrix<B>& g = *gradient_;
    if (g.empty() && size() > 0) g = matrix<B>::filled(rows_, cols_, typename B::scalar(0));
    return g;
  }
  /// Whether optimisers change it. A parameter that is not trained gets no gradient and does not decay.
  bool trained() const { return trained_; }
  void set_trained(bool trained) { trained_ = trained; }
  /// What optimisers remember of these rows, such as moments, is to begin anew: for rows that policies begin anew, say
  /// those of an expert that nobody asked. The next optimiser step does not know them any more, nor does a checkpoint
  /// that is saved before it.
  void forget_moments(std::span<const index_t> rows) {
    for (const index_t r : rows) {
      require(r >= 0 && r < rows_, name_, " has rows 0 to ", rows_ - 1, ", but the moments of row ", r,
              " are to be forgotten");
      if (std::find(begins_anew_.begin(), begins_anew_.end(), r) == begins_anew_.end()) begins_anew_.push_back(r);
    }
  }
  /// For optimisers: those rows, each once, and from then on none.
  std::vector<index_t> take_forgotten_moments() { return std::exchange(begins_anew_, {}); }
  bool has_gradient() const { return gradient_ && !gradient_->empty(); }
  /// Sets the gradient to zero by giving back its memory.
  void forget_gradient() {
    if (gradient_) *gradient_ = matrix<B>();
  }
  /// Where backward passes put the gradient: empty as long as it is zero. It stays where it is when the parameter
  /// moves. A model is constant while it runs; what a tape leaves here is not part of it.
  const std::shared_ptr<matrix<B>>& gradient_place() const { return gradient_; }

 private:
  std::string name_;
  index_t rows_ = 0, cols_ = 0;
  matrix<B> value_;
  std::shared_ptr<matrix<B>> gradient_;
  bool trained_ = true;
  std::vector<index_t> begins_anew_;
};

}  // namespace gmoe
