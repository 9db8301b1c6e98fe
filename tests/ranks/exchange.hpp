#pragma once
/// What every communicator promises, for threads and for processes.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gmoe/ranks/collective.hpp"

namespace gmoe_test {

/// A number whose bits show in which order three of them were added.
inline float uneven(gmoe::index_t leaf, std::size_t i) {
  return (leaf % 2 ? -1.0f : 1.0f) / static_cast<float>(3 + leaf * 7 + static_cast<gmoe::index_t>(i));
}

/// The function whose result is wrong, or nothing. All ranks call it.
template <class C>
std::string wrong_with(const C& here) {
  const int size = here.size(), me = here.rank();
  const auto ranks = static_cast<std::size_t>(size);
  if (me < 0 || me >= size) return "rank";
  here.barrier();
  for (int root = 0; root < size; ++root) {
    std::vector<int> all(3, me);
    here.broadcast(std::as_writable_bytes(std::span(all)), root);
    if (all != std::vector<int>(3, root)) return "broadcast";
  }
  // Rank r brings r numbers: rank 0 none.
  std::vector<std::uint16_t> mine(static_cast<std::size_t>(me), static_cast<std::uint16_t>(100 + me)), expected;
  std::vector<std::size_t> lengths;
  for (std::size_t r = 0; r < ranks; ++r) {
    lengths.push_back(2 * r);
    expected.insert(expected.end(), r, static_cast<std::uint16_t>(100 + r));
  }
  std::vector<std::uint16_t> all(expected.size());
  here.all_gather(std::as_bytes(std::span(mine)), std::as_writable_bytes(std::span(all)), lengths);
  if (all != expected) return "all_gather";
  // Rank s sends s + r bytes of value 10 s + r to rank r.
  std::vector<std::byte> out, wanted;
  std::vector<std::size_t> to, from;
  for (std::size_t r = 0; r < ranks; ++r) {
    const auto s = static_cast<std::size_t>(me);
    to.push_back(s + r);
    from.push_back(r + s);
    out.insert(out.end(), s + r, static_cast<std::byte>(10 * s + r));
    wanted.insert(wanted.end(), r + s, static_cast<std::byte>(10 * r + s));
  }
  std::vector<std::byte> in(wanted.size());
  here.all_to_all(out, to, in, from);
  if (in != wanted) return "all_to_all";

  gmoe::ranks::message text;
  text.put_text(std::string(static_cast<std::size_t>(me), 'x'));
  auto texts = gmoe::ranks::all_messages(here, text);
  for (std::size_t r = 0; r < ranks; ++r)
    if (texts[r].take_text() != std::string(r, 'x')) return "all_messages";

  // The bits of a sum are those of one rank, also with fewer leaves than ranks and fewer numbers than ranks.
  for (const gmoe::index_t leaves : {1, 2, 5, 8, 11})
    for (const std::size_t numbers : {1u, 3u, 17u}) {
      const auto add = [](std::vector<float>& left, const std::vector<float>& right) {
        for (std::size_t i = 0; i < left.size(); ++i) left[i] += right[i];
      };
      const auto push = [&](gmoe::ranks::sum_tree<std::vector<float>>& tree, gmoe::ranks::leaves of) {
        for (gmoe::index_t leaf = of.first; leaf < of.first + of.count; ++leaf) {
          std::vector<float> v(numbers);
          for (std::size_t i = 0; i < numbers; ++i) v[i] = uneven(leaf, i);
          tree.push({leaf, 1}, std::move(v), add);
        }
      };
      gmoe::ranks::sum_tree<std::vector<float>> whole, part;
      push(whole, {0, leaves});
      whole.finish(add);
      push(part, gmoe::ranks::share(leaves, me, size));
      std::vector<std::span<const float>> parts;
      for (const auto& p : part.parts()) parts.emplace_back(p.sum);
      std::vector<float> sum(numbers);
      gmoe::ranks::sum_trees<float>(here, leaves, parts, std::span(sum));
      if (sum != whole.parts().front().sum) return "sum_trees";
    }
  std::vector<double> total{static_cast<double>(me), 1};
  gmoe::ranks::all_sum(here, std::span(total));
  if (total != std::vector<double>{size * (size - 1) / 2.0, static_cast<double>(size)}) return "all_sum";
  return "";
}

}  // namespace gmoe_test
