#include "largest_allocation.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<std::size_t> largest = 0;

void* allocate(std::size_t size) {
  for (std::size_t before = largest; before < size && !largest.compare_exchange_weak(before, size);) {
  }
  return std::malloc(std::max<std::size_t>(size, 1));
}
}  // namespace

void gmoe_fuzz::forget_allocations() { largest = 0; }
std::size_t gmoe_fuzz::largest_allocation() { return largest; }

void* operator new(std::size_t size) {
  if (void* p = allocate(size)) return p;
  throw std::bad_alloc();
}
void* operator new[](std::size_t size) { return ::operator new(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
