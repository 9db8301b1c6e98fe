#include "allocation/count.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

#include "gmoe/backend/cpu.hpp"

namespace {

std::atomic<bool> counting{false};
std::atomic<long> allocations{0};

void count() {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

void gmoe_test::begin_counting() {
  allocations = 0;
  counting = true;
}
long gmoe_test::end_counting() {
  counting = false;
  return allocations;
}

// The C library's own functions under the names that everything calls, operator new and aligned_alloc included.
#if COUNTS_MALLOC
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void* malloc(std::size_t bytes) {
  count();
  return __libc_malloc(bytes);
}
void* calloc(std::size_t n, std::size_t bytes) {
  count();
  return __libc_calloc(n, bytes);
}
void* realloc(void* p, std::size_t bytes) {
  count();
  return __libc_realloc(p, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) {
  count();
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  count();
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** p, std::size_t alignment, std::size_t bytes) {
  count();
  *p = __libc_memalign(alignment, bytes);
  return *p == nullptr && bytes > 0 ? 12 : 0;
}
}
#else
void* operator new(std::size_t bytes) {
  count();
  if (void* p = std::malloc(bytes > 0 ? bytes : 1)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
#endif

TEST_CASE("allocation/count: it sees every kind of allocation") {
  CHECK(gmoe_test::allocations_of([] {
          int* volatile p = new int(1);  // volatile: an allocation that nobody sees may be left out
          delete p;
        }) == 1);
#if COUNTS_MALLOC
  CHECK(gmoe_test::allocations_of([] {
          void* volatile p = std::malloc(10);
          std::free(p);
          p = std::aligned_alloc(64, 128);
          std::free(p);
        }) == 2);
  CHECK(gmoe_test::allocations_of(
            [] { gmoe::eigen::host_memory::release(gmoe::eigen::host_memory::allocate(1000), 1000); }) == 1);
#endif
}
