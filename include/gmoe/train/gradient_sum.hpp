#pragma once
/// The gradient of a step: those of its passes, whichever rank has made them, added up in the fixed tree
/// (ranks/sum_tree.hpp). It does not depend on how many ranks there are, to the last bit.

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "gmoe/autograd/parameter.hpp"
#include "gmoe/core/functions.hpp"
#include "gmoe/ranks/collective.hpp"

namespace gmoe {

/// Takes the gradients of parameters after every pass and gives back the sum. While passes run, it holds a gradient for
/// each complete tree of the passes so far (ranks::trees_of).
template <class B>
class gradient_sum {
  using scalar = typename B::scalar;
  using gradient = std::vector<matrix<B>>;  ///< of each parameter; empty where it has none

 public:
  using parameters = std::vector<parameter<B>*>;

  /// After pass number `pass` of the step, in order: takes its gradients away.
  void take(const parameters& all, index_t pass) {
    gradient g = room();
    for (parameter<B>* const p : all) g.push_back(std::exchange(*p->gradient_place(), matrix<B>()));
    sum_.push({pass, 1}, std::move(g), [this](gradient& to, gradient& right) { add(to, right); });
  }
  /// After all of them: the parameters have the sum.
  void give(const parameters& all) {
    sum_.finish([this](gradient& to, gradient& right) { add(to, right); });
    for (auto& part : sum_.parts())
      for (std::size_t i = 0; i < all.size(); ++i) *all[i]->gradient_place() = std::move(part.sum[i]);
    clear();
  }
  /// Whether any pass so far has a gradient of parameter i.
  bool has(std::size_t i) const {
    return std::ranges::any_of(sum_.parts(), [&](const auto& part) { return !part.sum[i].empty(); });
  }
  /// As `give`, where ranks have shared `passes` passes (ranks::share). `present[i]` says whether any rank has a
  /// gradient of parameter i. Numbers travel in pieces, so that what is sent at once stays small.
  template <ranks::communicator Ranks>
  void give(const parameters& all, const Ranks& ranks, index_t passes, std::span<const char> present) {
    gradient total(all.size());
    index_t numbers = 0;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (present[i]) {
        total[i] = matrix<B>(all[i]->rows(), all[i]->cols());
        numbers += total[i].size();
      }
    std::vector<scalar> sum;
    for (index_t at = 0; at < numbers; at += piece) {
      sum.resize(static_cast<std::size_t>(std::min(piece, numbers - at)));
      std::vector<std::vector<scalar>> mine;
      for (const auto& part : sum_.parts()) {
        // Where there is none: -0 + x is x, also for x = -0, which 0 + x is not.
        auto& values = mine.emplace_back(sum.size(), scalar(-0.0));
        each_within(total, at, sum.size(), [&](std::size_t i, index_t from, std::size_t to, std::size_t count) {
          if (const matrix<B>& g = part.sum[i]; !g.empty())
            B::download(values.data() + to, g.data() + from, count * sizeof(scalar));
        });
      }
      ranks::sum_trees<scalar>(ranks, passes, {mine.begin(), mine.end()}, std::span(sum));
      each_within(total, at, sum.size(), [&](std::size_t i, index_t to, std::size_t from, std::size_t count) {
        B::upload(total[i].data() + to, sum.data() + from, count * sizeof(scalar));
      });
    }
    for (std::size_t i = 0; i < all.size(); ++i) *all[i]->gradient_place() = std::move(total[i]);
    clear();
  }
  /// Forgets what was taken, after an error: there may be no memory.
  void drop() { sum_.clear(); }

 private:
  static constexpr index_t piece = index_t{1} << 22;  ///< numbers

  /// Forgets what was taken, and keeps the lists.
  void clear() {
    for (auto& part : sum_.parts()) put_back(part.sum);
    sum_.clear();
  }

  /// Lists of a steady state take nothing from the heap.
  gradient room() {
    if (spare_.empty()) return {};
    gradient g = std::move(spare_.back());
    spare_.pop_back();
    return g;
  }
  void put_back(gradient& g) {
    g.clear();
    spare_.push_back(std::move(g));
  }
  void add(gradient& to, gradient& right) {
    for (std::size_t i = 0; i < to.size(); ++i)
      if (to[i].empty())
        to[i] = std::move(right[i]);
      else if (!right[i].empty())
        B::map(to[i].view(), 1, fn::same{}, std::as_const(right[i]).view());
    put_back(right);
  }
  /// All matrices in a row, of which `count` numbers from number `begin` on are a piece:
  /// f(i, first number in matrix i, first number in the piece, how many)
  static void each_within(const gradient& all, index_t begin, std::size_t count, const auto& f) {
    const index_t end = begin + static_cast<index_t>(count);
    index_t at = 0;
    for (std::size_t i = 0; i < all.size() && at < end; at += all[i].size(), ++i) {
      const index_t from = std::max(at, begin), to = std::min(at + all[i].size(), end);
      if (from < to) f(i, from - at, static_cast<std::size_t>(from - begin), static_cast<std::size_t>(to - from));
    }
  }

  ranks::sum_tree<gradient> sum_;
  std::vector<gradient> spare_;
};

}  // namespace gmoe
