#pragma once
/// Replaces malloc and its family by counting ones, for the whole program: include it in one source file only.
/// Counts operator new, the pool and the workspaces alike, as all of them end there. glibc only; elsewhere 0 is
/// counted.

#include <atomic>
#include <cstddef>
#include <cstdlib>

namespace gmoe::bench {

struct allocation_count {
  std::atomic<std::size_t> calls{0}, bytes{0};
};
inline allocation_count allocations;

}  // namespace gmoe::bench

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);

inline void count_allocation(std::size_t bytes) {
  gmoe::bench::allocations.calls.fetch_add(1, std::memory_order_relaxed);
  gmoe::bench::allocations.bytes.fetch_add(bytes, std::memory_order_relaxed);
}
void* malloc(std::size_t bytes) noexcept {
  count_allocation(bytes);
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) noexcept {
  count_allocation(count * bytes);
  return __libc_calloc(count, bytes);
}
void* realloc(void* data, std::size_t bytes) noexcept {
  count_allocation(bytes);
  return __libc_realloc(data, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) noexcept {
  count_allocation(bytes);
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** data, std::size_t alignment, std::size_t bytes) noexcept {
  count_allocation(bytes);
  *data = __libc_memalign(alignment, bytes);
  return *data == nullptr ? 12 : 0;
}
}
#endif
