#pragma once
/// A backend that is one of two, whichever the program is told when it starts: tests of what is built on backends are
/// compiled once and run on both.
///
/// Both work in memory of the host, so only functions differ. Most are compiled once too: see definitions.hpp.

#include <cstdlib>
#include <span>
#include <string_view>
#include <type_traits>

#include "either/kernels.hpp"
#include "gmoe/backend/cpu.hpp"
#include "gmoe/backend/thrust.hpp"
#include "gmoe/core/error.hpp"

namespace gmoe_test {

/// What the variable GMOE_TEST_ON of the environment says: `eigen`, as long as it says nothing, or `thrust`.
inline bool on_thrust() {
  static const bool chosen = [] {
    const char* const asked = std::getenv("GMOE_TEST_ON");
    const std::string_view word = asked ? asked : "eigen";
    gmoe::require<gmoe::config_error>(word == "eigen" || word == "thrust", "GMOE_TEST_ON is '", word,
                                      "', not eigen or thrust");
    return word == "thrust";
  }();
  return chosen;
}

/// Every kernel of contract.hpp, on Eigen or on Thrust's host system.
template <class S>
struct either {
  using first = gmoe::cpu<S>;
  using second = gmoe::thrust_backend<S>;

  using scalar = S;
  using memory = typename first::memory;
  using host_ids = typename first::host_ids;
  using pair_list = typename first::pair_list;
  using weight_job = typename first::weight_job;
  static_assert(std::is_same_v<memory, typename second::memory> && std::is_same_v<host_ids, typename second::host_ids>);
  static constexpr const char* name = "eigen or thrust";

  using op = gmoe::op;
  using index_t = gmoe::index_t;
  using in = gmoe::matrix_view<const S>;
  using out = gmoe::matrix_view<S>;
  using ids = gmoe::matrix_view<const gmoe::id_type>;
  using ids_out = gmoe::matrix_view<gmoe::id_type>;

  static void set_threads(int count) { first::set_threads(count); }
  static int threads() { return first::threads(); }
  static index_t row_stride(index_t cols) { return on_thrust() ? second::row_stride(cols) : first::row_stride(cols); }

#define GMOE_DECLARE(result, name, parameters, arguments) static result name parameters;
  GMOE_EITHER_KERNELS(GMOE_DECLARE)
#undef GMOE_DECLARE
  static void gather_rows(out y, in x, ids id, const in* more = nullptr, index_t offset = 0, index_t period = 1);
  static void expert_weight_gradients(const gmoe::expert_view<S>& gradients, S beta,
                                      std::span<const weight_job> layers);

  template <class T>
  static void fill(gmoe::matrix_view<T> m, T value) {
    on_thrust() ? second::fill(m, value) : first::fill(m, value);
  }
  template <class F, class... In>
  static void map(out y, S beta, const F& f, In... x) {
    on_thrust() ? second::map(y, beta, f, x...) : first::map(y, beta, f, x...);
  }
  template <class F>
  static void map_with_row(out y, S beta, const F& f, in x, in row) {
    on_thrust() ? second::map_with_row(y, beta, f, x, row) : first::map_with_row(y, beta, f, x, row);
  }
  template <class F>
  static void map_with_col(out y, S beta, const F& f, in x, in col) {
    on_thrust() ? second::map_with_col(y, beta, f, x, col) : first::map_with_col(y, beta, f, x, col);
  }
  template <bool KeepsOutput, class Activation>
  static void experts_forward(const Activation& act, out y, out hidden, in x, const pair_list& pairs,
                              const gmoe::expert_view<const S>& bank) {
    if (on_thrust())
      second::template experts_forward<KeepsOutput>(act, y, hidden, x, in_second(pairs), bank);
    else
      first::template experts_forward<KeepsOutput>(act, y, hidden, x, pairs, bank);
  }
  template <bool KeepsOutput, class Activation>
  static void experts_backward(const Activation& act, out* dx, S beta, out dweights, out d_hidden, out pair_dy, in dy,
                               out hidden, const pair_list& pairs, const gmoe::expert_view<const S>& bank) {
    if (on_thrust())
      second::template experts_backward<KeepsOutput>(act, dx, beta, dweights, d_hidden, pair_dy, dy, hidden,
                                                     in_second(pairs), bank);
    else
      first::template experts_backward<KeepsOutput>(act, dx, beta, dweights, d_hidden, pair_dy, dy, hidden, pairs,
                                                    bank);
  }
  template <class Activation>
  static void gated_experts_forward(const Activation& act, in x, const gmoe::gated_blocks<const S>& w, out gate, out up,
                                    out y, const gmoe::pair_rows<S>& pairs, const gmoe::row_ranges& groups) {
    on_thrust() ? second::gated_experts_forward(act, x, w, gate, up, y, pairs, groups)
                : first::gated_experts_forward(act, x, w, gate, up, y, pairs, groups);
  }
  template <class Activation>
  static void gated_experts_backward(const Activation& act, in dy, const gmoe::gated_blocks<const S>& w, out gate,
                                     out up, out hidden, out pair_dy, out dweights, out* dx, S beta,
                                     const gmoe::pair_rows<S>& pairs, const gmoe::row_ranges& groups) {
    on_thrust()
        ? second::gated_experts_backward(act, dy, w, gate, up, hidden, pair_dy, dweights, dx, beta, pairs, groups)
        : first::gated_experts_backward(act, dy, w, gate, up, hidden, pair_dy, dweights, dx, beta, pairs, groups);
  }

 private:
  static typename second::pair_list in_second(const pair_list& p) {
    return {p.order, p.position, p.offsets, p.slots, p.weights};
  }
};

static_assert(gmoe::backend<either<float>> && gmoe::backend<either<double>>);

}  // namespace gmoe_test
