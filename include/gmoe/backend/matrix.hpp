#pragma once
/// Matrices: `matrix_view` says where numbers lie, `matrix` owns them in a backend's memory.
///
/// Everything is two-dimensional and row-major: tokens x features.

#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

#include "gmoe/backend/pool.hpp"
#include "gmoe/core/error.hpp"
#include "gmoe/core/host_device.hpp"
#include "gmoe/core/index.hpp"

namespace gmoe {

/// A rectangle of numbers in somebody's memory: `rows` x `cols`, consecutive rows `stride` elements apart.
template <class T>
struct matrix_view {
  T* data = nullptr;
  index_t rows = 0, cols = 0, stride = 0;

  GMOE_HD T* row(index_t i) const { return data + i * stride; }
  GMOE_HD T& operator()(index_t i, index_t j) const { return data[i * stride + j]; }
  GMOE_HD index_t size() const { return rows * cols; }
  bool contiguous() const { return stride == cols || rows <= 1; }

  matrix_view row_block(index_t first, index_t count) const { return {data + first * stride, count, cols, stride}; }
  matrix_view col_block(index_t first, index_t count) const { return {data + first, rows, count, stride}; }

  template <class To>
  requires(!std::is_const_v<T> && std::is_same_v<To, const T>) operator matrix_view<To>() const {
    return {data, rows, cols, stride};
  }
};

/// `rows` x `cols` elements in the memory of backend `B`. A handle: copies share the buffer, `clone()` copies it.
template <class B, class T = typename B::scalar>
class matrix {
 public:
  using element = T;

  matrix() = default;
  /// Uninitialised memory.
  matrix(index_t rows, index_t cols)
      : storage_(static_cast<std::size_t>(rows * cols) * sizeof(T)), rows_(rows), cols_(cols) {}

  /// Copies host data (row-major, rows * cols elements) into the backend's memory.
  static matrix from_host(std::span<const T> values, index_t rows, index_t cols) {
    require(static_cast<index_t>(values.size()) == rows * cols, "matrix::from_host: ", values.size(),
            " values given for ", rows, " x ", cols);
    matrix m(rows, cols);
    if (m.size() > 0) B::upload(m.data(), values.data(), values.size() * sizeof(T));
    return m;
  }
  static matrix filled(index_t rows, index_t cols, T value) {
    matrix m(rows, cols);
    B::fill(m.view(), value);
    return m;
  }

  /// Copies the elements to the host, row-major.
  std::vector<T> to_host() const {
    std::vector<T> values(static_cast<std::size_t>(size()));
    if (size() > 0) B::download(values.data(), data(), values.size() * sizeof(T));
    return values;
  }
  /// The only element of a 1 x 1 matrix, copied to the host.
  T item() const {
    require(size() == 1, "matrix::item: the matrix is ", rows_, " x ", cols_, ", not 1 x 1");
    T value;
    B::download(&value, data(), sizeof(T));
    return value;
  }
  matrix clone() const {
    matrix copy(rows_, cols_);
    if (size() > 0) B::copy(copy.data(), data(), static_cast<std::size_t>(size()) * sizeof(T));
    return copy;
  }

  index_t rows() const { return rows_; }
  index_t cols() const { return cols_; }
  index_t size() const { return rows_ * cols_; }
  bool empty() const { return size() == 0; }
  /// True when another handle shares the buffer.
  bool shared() const { return storage_.shared(); }

  T* data() { return static_cast<T*>(storage_.data()); }
  const T* data() const { return static_cast<const T*>(storage_.data()); }
  matrix_view<T> view() { return {data(), rows_, cols_, cols_}; }
  matrix_view<const T> view() const { return {data(), rows_, cols_, cols_}; }
  operator matrix_view<T>() { return view(); }
  operator matrix_view<const T>() const { return view(); }

  /// The same elements as another shape; shares the buffer.
  matrix reshaped(index_t rows, index_t cols) const {
    require(rows * cols == size(), "matrix::reshaped: ", rows_, " x ", cols_, " cannot become ", rows, " x ", cols);
    matrix m = *this;
    m.rows_ = rows;
    m.cols_ = cols;
    return m;
  }

  /// The first `cols` elements of the only row; shares the buffer.
  matrix front(index_t cols) const {
    require(rows_ == 1 && cols >= 0 && cols <= cols_, "matrix::front: ", cols, " elements of ", rows_, " x ", cols_);
    matrix m = *this;
    m.cols_ = cols;
    return m;
  }

 private:
  pooled<typename B::memory> storage_;
  index_t rows_ = 0, cols_ = 0;
};

/// Ids (tokens, experts, positions) in the memory of backend `B`.
template <class B>
using id_matrix = matrix<B, id_type>;

}  // namespace gmoe
