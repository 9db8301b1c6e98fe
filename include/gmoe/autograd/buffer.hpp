#pragma once
/// Buffers: what is saved with a model but not trained by gradients, such as a hash table or a bias per expert.

#include <cmath>
#include <span>
#include <string>
#include <utility>

#include "gmoe/backend/matrix.hpp"

namespace gmoe {

/// A named matrix. `choices`, where it is not 0, says that its entries are whole numbers from 0 to choices - 1.
template <class B>
class buffer {
 public:
  buffer() = default;
  buffer(buffer&&) noexcept = default;
  buffer& operator=(buffer&&) noexcept = default;
  buffer(std::string name, matrix<B> value, index_t choices = 0)
      : name_(std::move(name)), value_(std::move(value)), choices_(choices) {}

  const std::string& name() const { return name_; }
  matrix<B>& value() { return value_; }
  const matrix<B>& value() const { return value_; }
  index_t choices() const { return choices_; }

  /// Throws data_error, naming entry and value, if `values` cannot be the buffer's: asked before a file's numbers get
  /// into a model.
  template <class T>
  void check(std::span<const T> values) const {
    if (choices_ == 0) return;
    for (std::size_t i = 0; i < values.size(); ++i)
      require<data_error>(values[i] >= 0 && values[i] < static_cast<T>(choices_) && values[i] == std::floor(values[i]),
                          name_, ": entry ", i, " is ", values[i], ", expected a whole number from 0 to ",
                          choices_ - 1);
  }

 private:
  std::string name_;
  matrix<B> value_;
  index_t choices_ = 0;
};

}  // namespace gmoe
