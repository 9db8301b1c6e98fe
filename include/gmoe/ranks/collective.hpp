#pragma once
/// What ranks do together, on any communicator.

#include <algorithm>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "gmoe/ranks/alone.hpp"
#include "gmoe/ranks/message.hpp"
#include "gmoe/ranks/sum_tree.hpp"

namespace gmoe::ranks {

/// Every rank's message, on every rank.
template <communicator C>
std::vector<message> all_messages(const C& c, const message& mine) {
  const auto size = static_cast<std::size_t>(c.size());
  const std::vector<std::size_t> each(size, sizeof(std::size_t));
  const std::size_t my_length = mine.data().size();
  std::vector<std::size_t> lengths(size);
  c.all_gather(std::as_bytes(std::span(&my_length, 1)), std::as_writable_bytes(std::span(lengths)), each);
  std::size_t total = 0;
  for (const std::size_t n : lengths) total += n;
  std::vector<std::byte> all(total);
  c.all_gather(mine.data(), all, lengths);
  std::vector<message> messages;
  std::size_t at = 0;
  for (const std::size_t n : lengths) {
    messages.emplace_back(bytes(all).subspan(at, n));
    at += n;
  }
  return messages;
}

/// Throws rank_error on all ranks, naming the first that differs from rank 0, unless `mine` is the same everywhere.
template <communicator C>
void agree(const C& c, std::string_view what, std::string_view mine) {
  if constexpr (has_others<C>) {
    message m;
    m.put_text(mine);
    std::vector<message> all = all_messages(c, m);
    const std::string first = all.front().take_text();
    for (std::size_t r = 1; r < all.size(); ++r) {
      const std::string other = all[r].take_text();
      require<rank_error>(other == first, what, " of rank ", r, " is '", other, "', but that of rank 0 is '", first,
                          "'");
    }
  }
}

/// Rank 0 calls f, such as to write a file, while the others wait. If it throws, all ranks do: the others rank_error.
template <communicator C, class F>
void on_first(const C& c, const F& f) {
  if constexpr (!has_others<C>) {
    f();
  } else {
    message m;
    std::exception_ptr error;
    if (c.rank() == 0) {
      try {
        f();
      } catch (const std::exception& e) {
        error = std::current_exception();
        m.put_text(e.what());
      }
    }
    std::vector<message> all = all_messages(c, m);
    if (error) std::rethrow_exception(error);
    if (!all.front().at_end()) throw rank_error(concat("rank 0 failed: ", all.front().take_text()));
  }
}

/// What f() is on rank 0, which alone calls it, on all ranks: what they decide by must be one thing.
template <communicator C, class F>
auto of_first(const C& c, const F& f) {
  using T = decltype(f());
  static_assert(std::is_trivially_copyable_v<T>);
  T value{};
  on_first(c, [&] { value = f(); });
  if constexpr (has_others<C>) c.broadcast(std::as_writable_bytes(std::span(&value, 1)), 0);
  return value;
}

/// Whether `mine` is true on any rank.
template <communicator C>
bool any_of(const C& c, bool mine) {
  if (c.size() == 1) return mine;
  const std::vector<std::size_t> each(static_cast<std::size_t>(c.size()), 1);
  const auto said = static_cast<std::byte>(mine);
  std::vector<std::byte> all(each.size());
  c.all_gather(std::span(&said, 1), all, each);
  return std::ranges::find(all, std::byte(1)) != all.end();
}

/// Adds up `parts[i]`, complete trees of this rank (as trees_of has them for its share of `all` leaves), with those of
/// the other ranks, in the fixed tree over all leaves. The sum, of as many numbers, stands in `to` on every rank.
/// Each rank adds up a slice and hands it to the others; so about two times the numbers go out and come in, with any
/// number of ranks, as long as a rank's leaves are one tree.
template <class T, communicator C>
void sum_trees(const C& c, index_t all, const std::vector<std::span<const T>>& parts, std::span<T> to) {
  const int size = c.size(), me = c.rank();
  const auto n = static_cast<index_t>(to.size());
  const auto slice = [&](int rank) { return share(n, rank, size); };
  const auto ranks = static_cast<std::size_t>(size);
  std::vector<std::size_t> sent(ranks), received(ranks), sliced(ranks);
  std::vector<std::vector<leaves>> trees;
  const index_t mine = slice(me).count;
  std::size_t out = 0, in = 0;
  for (int r = 0; r < size; ++r) {
    const auto i = static_cast<std::size_t>(r);
    trees.push_back(trees_of(share(all, r, size)));
    sliced[i] = static_cast<std::size_t>(slice(r).count) * sizeof(T);
    sent[i] = parts.size() * sliced[i];
    received[i] = trees[i].size() * static_cast<std::size_t>(mine) * sizeof(T);
    out += sent[i];
    in += received[i];
  }
  const std::size_t expected = trees[static_cast<std::size_t>(me)].size();
  require(parts.size() == expected, "sum_trees: ", parts.size(), " parts, expected ", expected);
  std::vector<T> mine_out(out / sizeof(T)), yours(in / sizeof(T));
  auto at = mine_out.begin();
  for (int r = 0; r < size; ++r) {
    const leaves s = slice(r);
    for (const std::span<const T>& p : parts) at = std::copy_n(p.begin() + s.first, s.count, at);
  }
  c.all_to_all(std::as_bytes(std::span<const T>(mine_out)), sent, std::as_writable_bytes(std::span(yours)), received);

  sum_tree<T*> sum;
  const auto add = [&](T* left, const T* right) {
    for (index_t i = 0; i < mine; ++i) left[i] += right[i];
  };
  T* from = yours.data();
  for (const auto& of_rank : trees)
    for (const leaves& tree : of_rank) {
      sum.push(tree, from, add);
      from += mine;
    }
  sum.finish(add);
  const std::span<const T> result = sum.parts().empty()
                                        ? std::span<const T>()
                                        : std::span<const T>(sum.parts().front().sum, static_cast<std::size_t>(mine));
  c.all_gather(std::as_bytes(result), std::as_writable_bytes(to), sliced);
}

/// The sum of every rank's numbers, element by element, in the fixed tree over the ranks: the same bits on all of them.
template <class T, communicator C>
void all_sum(const C& c, std::span<T> values) {
  if constexpr (has_others<C>) {
    const std::vector<T> mine(values.begin(), values.end());
    sum_trees<T>(c, c.size(), {std::span<const T>(mine)}, values);
  }
}

}  // namespace gmoe::ranks
