#pragma once
/// Host memory of the Eigen backend: aligned, in huge pages where buffers are large.

#include <cstdlib>
#include <cstring>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "gmoe/backend/eigen/build_tag.hpp"
#include "gmoe/backend/matrix.hpp"
#include "gmoe/backend/pool.hpp"
#include "gmoe/core/error.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

/// Where pooled buffers come from.
struct host_memory {
  static constexpr std::size_t huge_page = std::size_t{2} << 20;

  static void* allocate(std::size_t bytes) {
    const std::size_t alignment = bytes >= huge_page ? huge_page : 64;
    void* data = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    require<backend_error>(data != nullptr, "out of memory: could not allocate ", bytes, " bytes");
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    // The first touch of small pages is several times dearer on virtual machines; a refusal costs nothing.
    if (bytes >= huge_page) ::madvise(data, bytes, MADV_HUGEPAGE);
#endif
    return data;
  }
  static void release(void* data, std::size_t) { std::free(data); }
};

/// Moving bytes. On this backend "upload" and "download" are plain copies.
template <class S>
struct memory_kernels {
  using memory = host_memory;
  using host_ids = const id_type*;

  static void upload(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
  static void download(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
  static host_ids read_ids(matrix_view<const id_type> ids) { return ids.data; }
  static void copy(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }

  template <class T>
  static void fill(matrix_view<T> m, T value) {
    for (index_t i = 0; i < m.rows; ++i)
      for (index_t j = 0; j < m.cols; ++j) m(i, j) = value;
  }
};

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
