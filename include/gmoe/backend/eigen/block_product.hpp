#pragma once
/// Products of blocks that lie in cache, for attention: its matrices are so small that the general product of
/// gemm_provider.hpp would spend much of its time bringing factors into order. Here the caller orders them once, with
/// pack_rows and pack_transposed, and multiplies many times.

#include <algorithm>
#include <utility>

#include "gmoe/backend/eigen/pack.hpp"
#include "gmoe/backend/matrix.hpp"

namespace gmoe::eigen::inline GMOE_CPU_BUILD {

/// The next multiple of a pack: the length of rows that are read and written in whole packs.
template <class S>
constexpr index_t whole_packs(index_t cols) {
  return (cols + pack<S>::width - 1) / pack<S>::width * pack<S>::width;
}

/// to (from.rows x whole_packs(from.cols)) = factor from, zeros beside.
template <class S>
void pack_rows(S* to, matrix_view<const S> from, S factor = S(1)) {
  const index_t stride = whole_packs<S>(from.cols);
  const pack<S> f(factor);
  for (index_t i = 0; i < from.rows; ++i)
    for_packs<S>(from.cols, [&](index_t j, index_t part) {  // a last part comes with zeros
      (f * load(from.row(i) + j, part)).store(to + i * stride + j);
    });
}

#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"  // a vector type as a template argument, as Eigen has it
#endif
/// to (from.cols x `stride` >= from.rows, in whole packs) = the transpose, zeros beside.
template <class S>
void pack_transposed(S* to, index_t stride, matrix_view<const S> from) {
  constexpr index_t width = pack<S>::width;
  for (index_t i = 0; i < stride; i += width)
    for_packs<S>(from.cols, [&](index_t j, index_t part) {
      Eigen::internal::PacketBlock<typename pack<S>::packet, static_cast<int>(width)> square;
      for (index_t r = 0; r < width; ++r)
        square.packet[r] = (i + r < from.rows ? load(from.row(i + r) + j, part) : pack<S>(S(0))).p;
      Eigen::internal::ptranspose(square);
      const index_t count = part == 0 ? width : part;
      for (index_t c = 0; c < count; ++c) pack<S>(square.packet[c]).store(to + (j + c) * stride + i);
    });
}
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

/// A left factor of any layout: element (i, k) at data[i row + k col].
template <class S>
struct strided {
  const S* data;
  index_t row, col;
};

/// What of a product C = A B need not be computed, by the causal mask.
enum class triangle {
  none,
  c_lower,  ///< C above its diagonal is not needed; what stands there afterwards is undefined
  a_lower,  ///< A is zero above its diagonal
  a_upper   ///< A is zero below its diagonal
};

template <class S>
class block_product {
  using vec = pack<S>;

 public:
  /// C (m x n) = A B, or += with `add`; B's rows (depth x n) and C's in whole packs: n is a multiple of their width.
  /// The diagonal of `mask` starts `offset` columns to the right.
  static void run(index_t m, index_t n, index_t depth, strided<S> a, const S* b, index_t b_stride, S* c,
                  index_t c_stride, bool add, triangle mask = triangle::none, index_t offset = 0) {
    const block_product whole{m, depth, b_stride, c_stride, add, mask, offset};
    index_t j = 0;
    for (; j + 2 * vec::width <= n; j += 2 * vec::width) whole.template column<2, sums / 2>(j, a, b + j, c + j);
    for (; j < n; j += vec::width) whole.template column<1, 8>(j, a, b + j, c + j);
  }

 private:
  block_product(index_t m, index_t depth, index_t b_stride, index_t c_stride, bool add, triangle mask, index_t offset)
      : m_(m), depth_(depth), b_stride_(b_stride), c_stride_(c_stride), add_(add), mask_(mask), offset_(offset) {}

  /// Packs in a tile of C that is two packs wide: half of the registers.
  static constexpr index_t sums = EIGEN_ARCH_DEFAULT_NUMBER_OF_REGISTERS / 2;

  /// A strip of C of `Cols` packs from column j on, by tiles of `Rows` rows.
  template <index_t Cols, index_t Rows>
  void column(index_t j, strided<S> a, const S* b, S* c) const {
    index_t i = mask_ == triangle::c_lower ? std::clamp<index_t>(j - offset_, 0, m_) / Rows * Rows : 0;
    for (; i + Rows <= m_; i += Rows) tile<Cols>(i, a, b, c, std::make_integer_sequence<index_t, Rows>());
    for (; i < m_; ++i) tile<Cols>(i, a, b, c, std::make_integer_sequence<index_t, 1>());
  }

  template <index_t Cols>
  struct tile_row {
    vec at[Cols];
  };

  /// Sums stay in registers: each step takes one row of B and one column of A.
  template <index_t Cols, index_t... R>
  void tile(index_t i, strided<S> a, const S* b, S* c, std::integer_sequence<index_t, R...> rows) const {
    constexpr auto cols = std::make_integer_sequence<index_t, Cols>();
    const index_t diagonal = i + offset_;
    const index_t begin = mask_ == triangle::a_upper ? std::min(diagonal, depth_) : 0;
    const index_t end = mask_ == triangle::a_lower ? std::min<index_t>(diagonal + sizeof...(R), depth_) : depth_;
    tile_row<Cols> total[sizeof...(R)];
    c += i * c_stride_;
    (start(total[R], cols, c + R * c_stride_), ...);
    b += begin * b_stride_;
    a.data += i * a.row + begin * a.col;
    for (index_t k = begin; k < end; ++k, a.data += a.col, b += b_stride_) {
      const vec left[] = {vec(a.data[R * a.row])...};
      step(total, left, b, rows, cols);
    }
    (finish(total[R], cols, c + R * c_stride_), ...);
  }

  template <index_t... C>
  [[gnu::always_inline]] void start(tile_row<sizeof...(C)>& row, std::integer_sequence<index_t, C...>,
                                    const S* c) const {
    ((row.at[C] = add_ ? vec::load(c + C * vec::width) : vec(S(0))), ...);
  }
  template <index_t... R, index_t... C>
  [[gnu::always_inline]] static void step(tile_row<sizeof...(C)>* total, const vec* left, const S* b,
                                          std::integer_sequence<index_t, R...> rows,
                                          std::integer_sequence<index_t, C...>) {
    (add_column<C>(total, left, vec::load(b + C * vec::width), rows), ...);
  }
  template <index_t C, index_t... R, class Row>
  [[gnu::always_inline]] static void add_column(Row* total, const vec* left, vec right,
                                                std::integer_sequence<index_t, R...>) {
    ((total[R].at[C] = multiply_add(left[R], right, total[R].at[C])), ...);
  }
  template <index_t... C>
  [[gnu::always_inline]] static void finish(const tile_row<sizeof...(C)>& row, std::integer_sequence<index_t, C...>,
                                            S* c) {
    (row.at[C].store(c + C * vec::width), ...);
  }

  index_t m_, depth_, b_stride_, c_stride_;
  bool add_;
  triangle mask_;
  index_t offset_;
};

}  // namespace gmoe::eigen::inline GMOE_CPU_BUILD
