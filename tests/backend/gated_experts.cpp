#include <doctest/doctest.h>

#include <algorithm>

#include "backends.hpp"
#include "gmoe/backend/groups.hpp"
#include "gmoe/core/functions.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

/// A layer over a bank of experts of different widths, with what its tokens chose.
struct gated_mixture {
  index_t tokens, slots, d;
  std::vector<id_type> choice;  ///< layer experts, or no_choice; empty: every token goes to the first
  bool weighted = true;
  std::vector<id_type> visible{3, 0, 2};
  std::vector<index_t> first_row{0, 6, 10, 27, 40, 40};  ///< widths 6, 4, 17, 13, 0

  bool dense() const { return choice.empty(); }
  index_t begin(id_type e) const { return first_row[static_cast<std::size_t>(e)]; }
  index_t widest() const {
    index_t w = 0;
    for (id_type e : visible) w = std::max(w, begin(e + 1) - begin(e));
    return w;
  }
};

template <class B>
void check_gated_mixture(const gated_mixture& m) {
  using scalar = typename B::scalar;
  const index_t units = m.first_row.back(), slots = m.dense() ? 1 : m.slots, experts = std::ssize(m.visible);
  const bool weighted = m.weighted && !m.dense();
  const table x = random_table(m.tokens, m.d, 1), dy = random_table(m.tokens, m.d, 2),
              weights = random_table(m.tokens, slots, 3, 0.1, 1), w_gate = random_table(units, m.d, 4),
              w_up = random_table(units, m.d, 5), w_out = random_table(units, m.d, 6);

  // Straight from the formulas, pair by pair: SiLU's slope is s + a s (1 - s).
  table y(m.tokens, m.d), dx(m.tokens, m.d), dw(m.tokens, slots, 7), d_gate(units, m.d), d_up(units, m.d),
      d_out(units, m.d);
  for (index_t t = 0; t < m.tokens; ++t)
    for (index_t j = 0; j < slots; ++j) {
      const id_type chosen = m.dense() ? 0 : m.choice[static_cast<std::size_t>(t * slots + j)];
      if (chosen == no_choice) continue;
      const id_type e = m.visible[static_cast<std::size_t>(chosen)];
      const double w = weighted ? weights(t, j) : 1;
      dw(t, j) = 0;
      for (index_t u = m.begin(e); u < m.begin(e + 1); ++u) {
        double a = 0, b = 0, g = 0;
        for (index_t c = 0; c < m.d; ++c) {
          a += w_gate(u, c) * x(t, c);
          b += w_up(u, c) * x(t, c);
          g += w_out(u, c) * dy(t, c);
        }
        const double s = sigmoid(a), h = a * s * b, da = w * g * b * (s + a * s * (1 - s)), db = w * g * a * s;
        dw(t, j) += g * h;
        for (index_t c = 0; c < m.d; ++c) {
          y(t, c) += w * h * w_out(u, c);
          dx(t, c) += da * w_gate(u, c) + db * w_up(u, c);
          d_gate(u, c) += da * x(t, c);
          d_up(u, c) += db * x(t, c);
          d_out(u, c) += w * h * dy(t, c);
        }
      }
    }

  const matrix<B> mx = put<B>(x), mdy = put<B>(dy), mw = put<B>(weights), gate = put<B>(w_gate), up = put<B>(w_up),
                  outer = put<B>(w_out);
  const auto over = [&](auto view) {
    return block_view<std::remove_pointer_t<decltype(view.data)>>{view, m.first_row.data(), m.visible.data(),
                                                                  m.widest()};
  };
  const gated_blocks<const scalar> matrices{over(gate.view()), over(up.view()), over(outer.view())};
  pair_groups<B> pairs;
  const std::vector<id_type> everything{0, static_cast<id_type>(m.tokens)};
  row_ranges ranges{everything.data(), 1};
  pair_rows<scalar> list;
  if (!m.dense()) {
    pairs = pair_groups<B>(sort_by_expert<B>(put_ids<B>(m.choice, m.tokens, m.slots), experts));
    ranges = pairs.ranges();
    list = pairs.pairs(weighted ? mw.data() : nullptr);
  }
  const index_t rows = ranges.total();
  const table unwritten(rows, B::row_stride(m.widest()), not_a_number);
  const auto in_use = [&](auto& h) { return h.view().col_block(0, m.widest()); };
  matrix<B> a = put<B>(unwritten), b = put<B>(unwritten), my = put<B>(table(m.tokens, m.d, not_a_number));
  B::gated_experts_forward(fn::silu{}, mx.view(), matrices, in_use(a), in_use(b), my.view(), list, ranges);
  CHECK(difference(get(my), y) < 8 * tolerance<B>);

  for (double beta : {0.0, 1.0}) {
    const bool no_dx = beta == 1 && m.slots == 3;  // nobody asks for the input's gradient
    const table before = beta == 0 ? table(m.tokens, m.d, not_a_number) : random_table(m.tokens, m.d, 8);
    matrix<B> da = a.clone(), db = b.clone(), h = put<B>(unwritten), mdx = put<B>(before),
              mdw = put<B>(table(m.tokens, slots, 7)), pair_dy = put<B>(table(rows, m.d, not_a_number));
    auto to = mdx.view();
    B::gated_experts_backward(fn::silu{}, mdy.view(), matrices, in_use(da), in_use(db), in_use(h),
                              m.dense() ? matrix_view<scalar>{} : pair_dy.view(),
                              weighted ? mdw.view() : matrix_view<scalar>{}, no_dx ? nullptr : &to,
                              static_cast<scalar>(beta), list, ranges);
    const table expected = beta == 0 ? dx : each([](double u, double v) { return u + v; }, dx, before);
    const double allowed = 16 * tolerance<B>;
    CHECK(difference(get(mdx), no_dx ? before : expected) < allowed);
    if (weighted) CHECK(difference(get(mdw), dw) < allowed);  // dropped pairs keep the 7

    matrix<B> sorted = put<B>(table(rows, m.d));
    if (!m.dense()) B::gather_pairs(sorted.view(), 0, mx.view(), list.without_weights());
    const auto inputs = m.dense() ? mx.view() : std::as_const(sorted).view();
    const auto check_block = [&](matrix<B>& left, matrix_view<const scalar> right, const table& gradient) {
      matrix<B> sums = put<B>(table(units, m.d));
      B::grouped_weight_gradient(in_use(left), right, 1, over(sums.view()), ranges);
      CHECK(difference(get(sums), gradient) < allowed);
    };
    check_block(da, inputs, d_gate);
    check_block(db, inputs, d_up);
    check_block(h, m.dense() ? mdy.view() : std::as_const(pair_dy).view(), d_out);
  }
}

/// Different ones for the slots of a token.
std::vector<id_type> drawn(std::size_t pairs, std::size_t slots, const std::vector<id_type>& among,
                           std::uint64_t seed) {
  std::vector<id_type> ids(pairs);
  for (std::size_t p = 0; p < pairs; ++p)
    ids[p] = among[(random_stream(seed).below(p / slots, among.size()) + p % slots) % among.size()];
  return ids;
}

template <class B>
void check(const gated_mixture& m) {
  with_threads<B>([&] { check_gated_mixture<B>(m); });
}

}  // namespace

TEST_CASE_TEMPLATE("backend/gated_experts: weighted sum over the chosen experts, of different widths", B,
                   GMOE_TEST_BACKENDS) {
  check<B>({.tokens = 41, .slots = 1, .d = 9, .choice = drawn(41, 1, {0, 1, 2}, 1)});
  check<B>({.tokens = 150, .slots = 2, .d = 19, .choice = drawn(300, 2, {0, 1, 2}, 2)});
  check<B>({.tokens = 7, .slots = 3, .d = 8, .choice = drawn(21, 3, {0, 1, 2}, 3)});
  check<B>({.tokens = 40, .slots = 2, .d = 11, .choice = drawn(80, 2, {0, 1, 2}, 4), .weighted = false});
}

TEST_CASE_TEMPLATE("backend/gated_experts: dropped pairs, experts without a token or without units, all on one", B,
                   GMOE_TEST_BACKENDS) {
  check<B>({.tokens = 40, .slots = 2, .d = 11, .choice = drawn(80, 2, {1, 2, no_choice}, 5)});
  check<B>({.tokens = 6, .slots = 2, .d = 5, .choice = std::vector<id_type>(12, no_choice)});
  check<B>({.tokens = 203, .slots = 1, .d = 13, .choice = std::vector<id_type>(203, 1)});
  check<B>({.tokens = 30, .slots = 2, .d = 6, .choice = drawn(60, 2, {0, 1}, 7), .visible = {4, 2}});
}

TEST_CASE_TEMPLATE("backend/gated_experts: the dense form sends every token to the only expert", B,
                   GMOE_TEST_BACKENDS) {
  check<B>({.tokens = 5, .slots = 1, .d = 9, .choice = {}, .visible = {2}});
  check<B>({.tokens = 161, .slots = 1, .d = 21, .choice = {}, .visible = {3}});
  check<B>({.tokens = 9, .slots = 1, .d = 3, .choice = {}, .visible = {0}, .first_row = {0, 512}});
}
