#pragma once
/// Where a stored tensor lies in its file.

#include <cstddef>
#include <string>
#include <vector>

#include "gmoe/core/index.hpp"
#include "gmoe/io/dtype.hpp"

namespace gmoe {

/// One tensor of a file. Its bytes are [begin, end) of the data section, which follows the header.
struct tensor_entry {
  std::string name;
  dtype type = dtype::f32;
  std::vector<index_t> shape;  ///< empty for a scalar
  index_t begin = 0, end = 0;

  index_t size_bytes() const { return end - begin; }
  index_t elements() const { return size_bytes() / facts(type).size; }
};

/// "[2, 3]"
inline std::string shape_text(const std::vector<index_t>& shape) {
  std::string out = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i == 8) return out + ", ...]";
    out += (i ? ", " : "") + std::to_string(shape[i]);
  }
  return out + "]";
}

/// Bytes of a dense tensor, or -1 if they, or the product of some of the dimensions, exceed index_t.
inline index_t dense_bytes(dtype type, const std::vector<index_t>& shape) {
  index_t product = facts(type).size;
  bool empty = false;
  for (index_t n : shape) {
    if (n < 0) return -1;
    if (n == 0)
      empty = true;
    else if (__builtin_mul_overflow(product, n, &product))
      return -1;
  }
  return empty ? 0 : product;
}

}  // namespace gmoe
