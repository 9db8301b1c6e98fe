#include <doctest/doctest.h>

#include <array>

#include "backends.hpp"
#include "gmoe/backend/dispatch.hpp"
#include "gmoe/core/functions.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

struct relu_body {
  using activation = fn::relu;
  static constexpr bool keeps_output = true;
  static double value(double x) { return x > 0 ? x : 0; }
  static double slope(double x) { return x > 0 ? 1 : 0; }
};
struct gelu_body {
  using activation = fn::gelu;
  static constexpr bool keeps_output = false;
  static double value(double x) { return gelu(x); }
  static double slope(double x) {
    const double h = 1e-3;
    return (8 * (gelu(x + h) - gelu(x - h)) - (gelu(x + 2 * h) - gelu(x - 2 * h))) / (12 * h);
  }
};

/// A layer over a bank of experts of different widths, with what its tokens chose.
struct mixture {
  index_t tokens, slots, d;
  std::vector<id_type> choice;  ///< layer experts, or no_choice; empty: dense form
  bool weighted = true;
  std::vector<id_type> visible{3, 0, 2};                  ///< bank numbers of the layer's experts
  std::vector<index_t> first_unit{0, 6, 10, 27, 40, 40};  ///< widths 6, 4, 17, 13, 0

  bool dense() const { return choice.empty(); }
  index_t widest() const {
    index_t w = 0;
    for (id_type e : visible) w = std::max(w, units(e));
    return w;
  }
  index_t units(id_type e) const {
    return first_unit[static_cast<std::size_t>(e) + 1] - first_unit[static_cast<std::size_t>(e)];
  }
};

template <class B, class Body>
void check_mixture(const mixture& m) {
  using scalar = typename B::scalar;
  const index_t units = m.first_unit.back(), slots = m.dense() ? 1 : m.slots, experts = std::ssize(m.visible);
  const table x = random_table(m.tokens, m.d, 1), w_in = random_table(units, m.d, 2),
              w_out = random_table(units, m.d, 3), dy = random_table(m.tokens, m.d, 5),
              weights = random_table(m.tokens, slots, 4, 0.1, 1);
  const bool weighted = m.weighted && !m.dense();

  // Straight from the formulas, pair by pair.
  table y(m.tokens, m.d), dx(m.tokens, m.d), dw(m.tokens, slots), d_in(units, m.d, 1), d_out(units, m.d, 2);
  for (index_t t = 0; t < m.tokens; ++t)
    for (index_t j = 0; j < slots; ++j) {
      const id_type chosen = m.dense() ? 0 : m.choice[static_cast<std::size_t>(t * slots + j)];
      if (chosen == no_choice) continue;
      const auto e = static_cast<std::size_t>(m.visible[static_cast<std::size_t>(chosen)]);
      const double w = weighted ? weights(t, j) : 1;
      for (index_t u = m.first_unit[e]; u < m.first_unit[e + 1]; ++u) {
        double a = 0, g = 0;
        for (index_t c = 0; c < m.d; ++c) {
          a += w_in(u, c) * x(t, c);
          g += w_out(u, c) * dy(t, c);
        }
        const double h = Body::value(a), da = w * g * Body::slope(a);
        dw(t, j) += g * h;
        for (index_t c = 0; c < m.d; ++c) {
          y(t, c) += w * h * w_out(u, c);
          dx(t, c) += da * w_in(u, c);
          d_in(u, c) += da * x(t, c);
          d_out(u, c) += w * h * dy(t, c);
        }
      }
    }

  const auto pairs = static_cast<index_t>(m.choice.size());
  const index_t rows = m.dense() ? m.tokens : pairs - std::count(m.choice.begin(), m.choice.end(), no_choice);
  id_matrix<B> order(1, pairs), position(m.tokens, pairs / std::max<index_t>(m.tokens, 1)), offsets(1, experts + 1);
  typename B::pair_list list{};
  const matrix<B> mw = put<B>(weights), mx = put<B>(x), min = put<B>(w_in), mout = put<B>(w_out), mdy = put<B>(dy);
  if (!m.dense()) {
    B::sort_pairs(order.view(), position.view(), offsets.view(), put_ids<B>(m.choice, m.tokens, slots).view());
    list = {std::as_const(order).data(), std::as_const(position).data(), B::read_ids(std::as_const(offsets).view()),
            slots, weighted ? mw.view() : matrix_view<const scalar>{}};
  }
  const auto over = [&](auto in, auto out) {
    return expert_view<std::remove_pointer_t<decltype(in.data)>>{
        in, out, m.first_unit.data(), m.visible.data(), experts, m.widest()};
  };
  matrix<B> my = put<B>(table(m.tokens, m.d, not_a_number));
  const auto in_use = [&](auto& h) { return h.view().col_block(0, m.widest()); };
  matrix<B> hidden = put<B>(table(rows, B::row_stride(m.widest()), not_a_number));
  B::template experts_forward<Body::keeps_output>(typename Body::activation{}, my.view(), in_use(hidden), mx.view(),
                                                  list, over(min.view(), mout.view()));
  CHECK(difference(get(my), y) < 4 * tolerance<B>);

  for (double beta : {0.0, 1.0}) {
    const table before = beta == 0 ? table(m.tokens, m.d, not_a_number) : random_table(m.tokens, m.d, 7);
    matrix<B> mdx = put<B>(before), mdw = put<B>(table(m.tokens, slots)), md_in = put<B>(table(units, m.d, 1)),
              md_out = put<B>(table(units, m.d, 2));
    auto to = mdx.view();
    const bool no_dx = beta == 1 && m.slots == 3;  // nobody asks for the input's gradient
    matrix<B> h = hidden.clone(), dh = put<B>(table(hidden.rows(), hidden.cols(), not_a_number)),
              pair_dy = put<B>(table(rows, m.d, not_a_number));
    B::template experts_backward<Body::keeps_output>(
        typename Body::activation{}, no_dx ? nullptr : &to, static_cast<scalar>(beta),
        weighted ? mdw.view() : matrix_view<scalar>{}, in_use(dh), m.dense() ? matrix_view<scalar>{} : pair_dy.view(),
        mdy.view(), in_use(h), list, over(min.view(), mout.view()));
    const typename B::weight_job job{mx.view(), m.dense() ? mdy.view() : std::as_const(pair_dy).view(),
                                     in_use(std::as_const(h)), in_use(std::as_const(dh)), list};
    const auto sums = over(md_in.view(), md_out.view());
    B::expert_weight_gradients(sums, 1, std::span<const typename B::weight_job>(&job, 1));
    const table expected = beta == 0 ? dx : each([](double u, double v) { return u + v; }, dx, before);
    const double allowed = std::max(8 * tolerance<B>, Body::keeps_output ? 0 : 1e-11);
    if (!no_dx) CHECK(difference(get(mdx), expected) < allowed);
    if (weighted) CHECK(difference(get(mdw), dw) < allowed);
    CHECK(difference(get(md_in), d_in) < allowed);
    CHECK(difference(get(md_out), d_out) < allowed);

    // Several layers that used the same experts: here twice the same.
    const typename B::weight_job twice[] = {job, job};
    B::fill(md_in.view(), scalar(0));
    B::fill(md_out.view(), scalar(0));
    B::expert_weight_gradients(sums, 1, std::span<const typename B::weight_job>(twice));
    const auto doubled = [](const table& t, double start) {
      return each([start](double u) { return 2 * (u - start); }, t);
    };
    CHECK(difference(get(md_in), doubled(d_in, 1)) < allowed);
    CHECK(difference(get(md_out), doubled(d_out, 2)) < allowed);

    // beta 0 writes those of all experts, of those without a token too.
    if (experts != std::ssize(m.first_unit) - 1 || m.first_unit.back() == 0) continue;
    for (matrix<B>* g : {&md_in, &md_out}) B::fill(g->view(), static_cast<scalar>(not_a_number));
    B::expert_weight_gradients(sums, 0, std::span<const typename B::weight_job>(twice));
    CHECK(difference(get(md_in), doubled(d_in, 1)) < allowed);
    CHECK(difference(get(md_out), doubled(d_out, 2)) < allowed);
  }
}

template <class B>
void check_both_bodies(const mixture& m) {
  with_threads<B>([&] {
    check_mixture<B, relu_body>(m);
    check_mixture<B, gelu_body>(m);
  });
}

std::vector<id_type> chosen(index_t pairs, const std::vector<id_type>& among, std::uint64_t seed) {
  std::vector<id_type> ids(static_cast<std::size_t>(pairs));
  for (std::size_t p = 0; p < ids.size(); ++p) ids[p] = among[random_stream(seed).below(p, among.size())];
  return ids;
}

}  // namespace

TEST_CASE_TEMPLATE("backend/experts: weighted sum over the chosen experts, of different widths", B,
                   GMOE_TEST_BACKENDS) {
  check_both_bodies<B>({.tokens = 41, .slots = 1, .d = 9, .choice = chosen(41, {0, 1, 2}, 1)});
  check_both_bodies<B>({.tokens = 150, .slots = 2, .d = 19, .choice = chosen(300, {0, 1, 2}, 2)});
  check_both_bodies<B>({.tokens = 7, .slots = 3, .d = 8, .choice = chosen(21, {0, 1, 2}, 3)});
}

TEST_CASE_TEMPLATE("backend/experts: as many hidden units as a power of two, whose rows the backend may set apart", B,
                   GMOE_TEST_BACKENDS) {
  CHECK(B::row_stride(7) == 7);
  CHECK(B::row_stride(4096) >= 4096);
  check_both_bodies<B>({.tokens = 9,
                        .slots = 2,
                        .d = 3,
                        .choice = chosen(18, {0, 1}, 9),
                        .visible = {1, 0},
                        .first_unit = {0, 512, 1024}});
  check_both_bodies<B>({.tokens = 5, .slots = 1, .d = 3, .choice = {}, .visible = {0}, .first_unit = {0, 512}});
}

TEST_CASE_TEMPLATE("backend/experts: a layer that sees the whole bank, of which some experts get no token", B,
                   GMOE_TEST_BACKENDS) {
  for (const std::vector<id_type>& among : {std::vector<id_type>{0, 2}, {no_choice}})
    check_both_bodies<B>({.tokens = 9,
                          .slots = 2,
                          .d = 3,
                          .choice = chosen(18, among, 10),
                          .visible = {2, 0, 1},
                          .first_unit = {0, 6, 10, 27}});
}

TEST_CASE_TEMPLATE("backend/experts: without weights every pair counts once", B, GMOE_TEST_BACKENDS) {
  check_both_bodies<B>({.tokens = 40, .slots = 2, .d = 11, .choice = chosen(80, {0, 1, 2}, 4), .weighted = false});
}

TEST_CASE_TEMPLATE("backend/experts: experts without a token, and dropped pairs", B, GMOE_TEST_BACKENDS) {
  check_both_bodies<B>({.tokens = 40, .slots = 2, .d = 11, .choice = chosen(80, {1, 2, no_choice}, 5)});
  check_both_bodies<B>({.tokens = 20, .slots = 1, .d = 5, .choice = chosen(20, {2, no_choice}, 6)});
  check_both_bodies<B>({.tokens = 6, .slots = 2, .d = 5, .choice = std::vector<id_type>(12, no_choice)});
}

TEST_CASE_TEMPLATE("backend/experts: all tokens on one expert, which is cut over the threads", B, GMOE_TEST_BACKENDS) {
  for (id_type e : {0, 1, 2})  // only one of them is as wide as the widest
    check_both_bodies<B>({.tokens = 203, .slots = 1, .d = 13, .choice = std::vector<id_type>(203, e)});
  std::vector<id_type> most(203, 1);
  for (std::size_t p = 0; p < most.size(); p += 20) most[p] = static_cast<id_type>(p / 20 % 3);
  check_both_bodies<B>({.tokens = 203, .slots = 1, .d = 13, .choice = most});
}

TEST_CASE_TEMPLATE("backend/experts: a layer of one expert, and an expert of no units", B, GMOE_TEST_BACKENDS) {
  check_both_bodies<B>({.tokens = 30, .slots = 1, .d = 6, .choice = std::vector<id_type>(30, 0), .visible = {1}});
  check_both_bodies<B>({.tokens = 30, .slots = 2, .d = 6, .choice = chosen(60, {0, 1}, 7), .visible = {4, 2}});
}

TEST_CASE_TEMPLATE("backend/experts: the dense form sends every token to the first visible expert", B,
                   GMOE_TEST_BACKENDS) {
  check_both_bodies<B>({.tokens = 5, .slots = 1, .d = 9, .choice = {}, .visible = {2}});
  check_both_bodies<B>({.tokens = 161, .slots = 1, .d = 21, .choice = {}, .visible = {3}});
}
