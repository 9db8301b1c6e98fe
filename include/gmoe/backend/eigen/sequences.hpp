#pragma once
/// Rows in groups of equal size, such as the tokens of a sequence: each group transposed, running means within it, and
/// rows turned by their position.

#include <algorithm>

#include "gmoe/backend/eigen/pack.hpp"
#include "gmoe/backend/eigen/parallel.hpp"
#include "gmoe/backend/eigen/reduce.hpp"
#include "gmoe/backend/eigen/workspace.hpp"
#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/functions.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

template <class S>
struct sequence_kernels {
  using in = matrix_view<const S>;
  using out = matrix_view<S>;

  /// Every `group` rows of x (G group x N) transposed: y (G N x group), y(g N + j, i) = x(g group + i, j) + beta y.
  static void transpose_groups(out y, S beta, in x, index_t group) {
    constexpr index_t tile = 32;
    const index_t across = (x.cols + tile - 1) / tile, down = (group + tile - 1) / tile;
    const index_t groups = group > 0 ? x.rows / group : 0;
    parallel_ranges(groups * across, std::max<index_t>(1, 4096 / std::max<index_t>(1, tile * group)),
                    [&](index_t begin, index_t end) {
                      for (index_t task = begin; task < end; ++task) {
                        const index_t g = task / across, j0 = task % across * tile, j1 = std::min(j0 + tile, x.cols);
                        for (index_t i0 = 0; i0 < down * tile; i0 += tile)
                          for (index_t j = j0; j < j1; ++j) {
                            S* const to = y.row(g * x.cols + j);
                            for (index_t i = i0; i < std::min(i0 + tile, group); ++i)
                              to[i] = x(g * group + i, j) + (beta == S(0) ? S(0) : to[i]);
                          }
                      }
                    });
  }

  /// y_i = mean of x's rows from the first of i's sequence to i + beta y_i: what a token may know of the text.
  static void prefix_means(out y, S beta, in x, index_t sequence) {
    running(y, x, sequence, [beta](S* sum, const S* from, S* to, index_t place, index_t cols) {
      const pack<S> share(S(1) / static_cast<S>(place + 1));
      for_packs<S>(cols, [&](index_t j, index_t part) {
        const pack<S> s = load(sum + j, part) + load(from + j, part);
        store(sum + j, s, part);
        store(to + j, beta == S(0) ? share * s : share * s + load(to + j, part), part);
      });
    });
  }

  /// dx_i = sum of dy_k / (place of k in the sequence, from 1) over the rows k from i to the sequence's last + beta
  /// dx_i.
  static void prefix_means_backward(out dx, S beta, in dy, index_t sequence) {
    running<true>(dx, dy, sequence, [beta](S* sum, const S* from, S* to, index_t place, index_t cols) {
      const pack<S> share(S(1) / static_cast<S>(place + 1));
      for_packs<S>(cols, [&](index_t j, index_t part) {
        const pack<S> s = load(sum + j, part) + share * load(from + j, part);
        store(sum + j, s, part);
        store(to + j, beta == S(0) ? s : s + load(to + j, part), part);
      });
    });
  }

  /// y = x with every head turned by the angles of its row's position, + beta y: see the contract.
  static void rotate(out y, S beta, in x, in angles, index_t sequence, index_t first, S way) {
    const index_t half = angles.cols / 2;
    const pack<S> sign(way);
    parallel_ranges(x.rows, row_grain(4 * x.cols), [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) {
        const S* const angle = angles.row(first + i % sequence);
        for (index_t head = 0; head < x.cols; head += angles.cols) {
          const S* const from = x.row(i) + head;
          S* const to = y.row(i) + head;
          for_packs<S>(half, [&](index_t j, index_t part) {
            const pack<S> a = load(from + j, part), b = load(from + half + j, part), cos = load(angle + j, part),
                          sin = sign * load(angle + half + j, part);
            const pack<S> one = fn::rotation{}.first(a, b, cos, sin), two = fn::rotation{}.second(a, b, cos, sin);
            store(to + j, beta == S(0) ? one : one + load(to + j, part), part);
            store(to + half + j, beta == S(0) ? two : two + load(to + half + j, part), part);
          });
        }
      }
    });
  }

 private:
  /// step(sum, row of x, row of y, place, count) for the rows of each sequence in order, or from the last.
  template <bool FromLast = false, class Step>
  static void running(out y, in x, index_t sequence, const Step& step) {
    // Whole rows at a time, unless there are fewer sequences than threads.
    const index_t sequences = x.rows / sequence;
    const index_t pieces = sequences >= threads() ? 1 : std::clamp<index_t>(x.cols / 64, 1, threads());
    const index_t width = (x.cols + pieces - 1) / pieces;
    parallel_ranges(sequences * pieces, 1, [&](index_t begin, index_t end) {
      const auto sum = scratch<S>(width);
      for (index_t task = begin; task < end; ++task) {
        const index_t first = task / pieces * sequence, j = task % pieces * width;
        const index_t count = std::min(width, x.cols - j);
        std::fill_n(sum.data(), width, S(0));
        for (index_t n = 0; n < sequence; ++n) {
          const index_t place = FromLast ? sequence - 1 - n : n;
          step(sum.data(), x.row(first + place) + j, y.row(first + place) + j, place, count);
        }
      }
    });
  }
};

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
