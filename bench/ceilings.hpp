#pragma once
/// What the machine can do at best: single-precision multiply-adds in registers, matrix products, copies.
///
/// Measured in the same run as what is compared with it, since clocks and neighbours change.

#include <Eigen/Core>
#include <algorithm>
#include <cstring>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "measure.hpp"

namespace gmoe::bench {

/// Runs f(thread) on `threads` threads at once.
template <class F>
void on_threads([[maybe_unused]] int threads, const F& f) {
#if defined(_OPENMP)
#pragma omp parallel num_threads(threads)
  f(omp_get_thread_num());
#else
  f(0);
#endif
}

/// Independent chains of multiply-adds: enough to hide their latency, few enough to stay in registers.
inline constexpr int chains = 12;

/// `turns` multiply-adds on every chain; returns a number that depends on all of them.
inline float multiply_add_chains(index_t turns) {
  using packet = Eigen::internal::packet_traits<float>::type;
  using Eigen::internal::pmadd;
  packet acc[chains];
  for (int c = 0; c < chains; ++c) acc[c] = Eigen::internal::pset1<packet>(0.5f + 0.01f * static_cast<float>(c));
  packet a = Eigen::internal::pset1<packet>(0.999f), b = Eigen::internal::pset1<packet>(0.001f);
  for (index_t t = 0; t < turns; ++t) {
#pragma GCC unroll 16
    for (int c = 0; c < chains; ++c) acc[c] = pmadd(acc[c], a, b);
#if defined(__GNUC__) && defined(__x86_64__)
    asm volatile("" : "+x"(a), "+x"(b));  // or the compiler would compute the loop's result
#endif
  }
  packet sum = acc[0];
  for (int c = 1; c < chains; ++c) sum = Eigen::internal::padd(sum, acc[c]);
  return Eigen::internal::predux(sum);
}

/// Single-precision FLOP/s of multiply-adds that touch no memory, best of `rounds`.
inline double peak_flops(int threads, int rounds = 5) {
  constexpr index_t turns = 4'000'000;
  constexpr double flops = 2.0 * eigen::pack<float>::width * chains * turns;
  volatile float sink = 0;
  double best = 0;
  for (int r = 0; r < rounds; ++r) {
    const double seconds = seconds_of([&] { on_threads(threads, [&](int) { sink = multiply_add_chains(turns); }); });
    best = std::max(best, flops * threads / seconds);
  }
  return best;
}

/// Bytes read and written per second by copies between two arrays of `bytes` per thread, median.
inline summary copy_bandwidth(int threads, std::size_t bytes, int rounds = 5) {
  std::vector<std::vector<char>> from(static_cast<std::size_t>(threads)), to(from.size());
  on_threads(threads, [&](int t) {
    from[static_cast<std::size_t>(t)].assign(bytes, 1);
    to[static_cast<std::size_t>(t)].assign(bytes, 0);
  });
  const auto calls = std::max<std::size_t>(1, (std::size_t{256} << 20) / bytes);
  std::vector<double> rates;
  for (int r = 0; r < rounds; ++r) {
    const double seconds = seconds_of([&] {
      on_threads(threads, [&](int t) {
        const auto i = static_cast<std::size_t>(t);
        for (std::size_t c = 0; c < calls; ++c) {
          std::memcpy(to[i].data(), from[i].data(), bytes);
          asm volatile("" : : "r"(to[i].data()) : "memory");
        }
      });
    });
    rates.push_back(2.0 * static_cast<double>(bytes * calls) * threads / seconds);
  }
  return summarise(rates);
}

/// A product C (m x n) = op(A) op(B) of inner size k.
struct product_shape {
  index_t m, k, n;
  op a = op::none, b = op::none;
  double flops() const { return 2.0 * static_cast<double>(m) * static_cast<double>(k) * static_cast<double>(n); }
};

/// The operands of one product, filled with small numbers.
struct product_operands {
  using B = cpu<float>;
  explicit product_operands(const product_shape& s)
      : shape(s),
        a(s.a == op::none ? matrix<B>(s.m, s.k) : matrix<B>(s.k, s.m)),
        b(s.b == op::none ? matrix<B>(s.k, s.n) : matrix<B>(s.n, s.k)),
        c(s.m, s.n) {
    B::fill_uniform(a.view(), -1, 1, random_stream(1));
    B::fill_uniform(b.view(), -1, 1, random_stream(2));
    B::fill(c.view(), 0.0f);
  }
  /// Through the library's call.
  void run_gmoe() { B::gemm(shape.a, shape.b, 1, std::as_const(a).view(), std::as_const(b).view(), 0, c.view()); }
  /// Written as Eigen's users write it; Eigen takes as many threads as OpenMP gives it.
  void run_eigen() {
    using rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    const Eigen::Map<const rows> left(a.data(), a.rows(), a.cols()), right(b.data(), b.rows(), b.cols());
    Eigen::Map<rows> out(c.data(), c.rows(), c.cols());
    if (shape.a == op::none && shape.b == op::none)
      out.noalias() = left * right;
    else if (shape.a == op::none)
      out.noalias() = left * right.transpose();
    else if (shape.b == op::none)
      out.noalias() = left.transpose() * right;
    else
      out.noalias() = left.transpose() * right.transpose();
  }

  product_shape shape;
  matrix<B> a, b, c;
};

/// The best rate, in FLOP/s, of the library's product over `shapes` with the threads now set.
inline double best_product_rate(const std::vector<product_shape>& shapes, int rounds = 5) {
  double best = 0;
  for (const product_shape& s : shapes) {
    product_operands o(s);
    o.run_gmoe();
    for (int r = 0; r < rounds; ++r) best = std::max(best, s.flops() / seconds_per_call([&] { o.run_gmoe(); }, 0.02));
  }
  return best;
}

}  // namespace gmoe::bench
