#pragma once
/// A communicator: how the ranks of a run, which compute the same program on different data, exchange bytes.
///
/// It is a policy, a small value that is copied. Every rank calls the same functions in the same order, from one
/// thread:
///
///     int rank() const                                   which one this is, from 0
///     int size() const                                   how many there are
///     void barrier() const                               returns once all have come
///     void broadcast(bytes_out all, int root) const      everybody has what rank `root` had in `all`
///     void all_gather(bytes mine, bytes_out all, counts of) const
///         `all` is what rank 0, 1, ... had in `mine`, one after the other; rank r had of[r] bytes
///     void all_to_all(bytes mine, counts to, bytes_out yours, counts from) const
///         the first to[0] bytes of `mine` go to rank 0, the next to[1] to rank 1, ...; `yours` is what rank 0 sent
///         here (from[0] bytes), what rank 1 sent (from[1]), ...
///     void fail(std::string_view why) const noexcept     tells all others, at most in seconds, that this rank ends
///
/// A function that waits throws rank_error once another rank has failed, with its number and reason.
/// Here are `alone` (alone.hpp), `threads` (threads.hpp) and `mpi` (mpi.hpp); for one of your own see docs/ranks.md.

#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>

namespace gmoe::ranks {

using bytes = std::span<const std::byte>;
using bytes_out = std::span<std::byte>;
using counts = std::span<const std::size_t>;

// One for each function, so that the one that is missing can be named.
template <class C>
concept has_rank = requires(const C& c) {
  { c.rank() } -> std::same_as<int>;
};
template <class C>
concept has_size = requires(const C& c) {
  { c.size() } -> std::same_as<int>;
};
template <class C>
concept has_barrier = requires(const C& c) {
  c.barrier();
};
template <class C>
concept has_broadcast = requires(const C& c, bytes_out all) {
  c.broadcast(all, 0);
};
template <class C>
concept has_all_gather = requires(const C& c, bytes mine, bytes_out all, counts of) {
  c.all_gather(mine, all, of);
};
template <class C>
concept has_all_to_all = requires(const C& c, bytes mine, bytes_out yours, counts n) {
  c.all_to_all(mine, n, yours, n);
};
template <class C>
concept has_fail = requires(const C& c, std::string_view why) {
  { c.fail(why) }
  noexcept;
};

template <class C>
concept communicator = std::copy_constructible<C> && has_rank<C> && has_size<C> && has_barrier<C> && has_broadcast<C> &&
    has_all_gather<C> && has_all_to_all<C> && has_fail<C>;

/// For whoever takes a communicator: a sentence about the first thing that it lacks.
template <class C>
consteval bool check_communicator() {
  static_assert(std::copy_constructible<C>, "gmoe: a communicator is a value that can be copied");
  static_assert(has_rank<C>, "gmoe: the communicator has no `int rank() const`");
  static_assert(has_size<C>, "gmoe: the communicator has no `int size() const`");
  static_assert(has_barrier<C>, "gmoe: the communicator has no `void barrier() const`");
  static_assert(has_broadcast<C>, "gmoe: the communicator has no `void broadcast(bytes_out all, int root) const`");
  static_assert(has_all_gather<C>,
                "gmoe: the communicator has no `void all_gather(bytes mine, bytes_out all, counts of) const`");
  static_assert(has_all_to_all<C>,
                "gmoe: the communicator has no `void all_to_all(bytes mine, counts to, "
                "bytes_out yours, counts from) const`");
  static_assert(has_fail<C>, "gmoe: the communicator has no `void fail(std::string_view why) const noexcept`");
  return true;
}

}  // namespace gmoe::ranks
