#include "gmoe/backend/groups.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

/// Blocks of a stacked matrix, and how many rows go to each of those that are visible.
struct grouping {
  std::vector<index_t> lengths;  ///< rows of the groups
  std::vector<id_type> visible{3, 0, 2};
  std::vector<index_t> first_row{0, 6, 10, 27, 40, 40};  ///< heights 6, 4, 17, 13, 0

  index_t rows() const { return std::accumulate(lengths.begin(), lengths.end(), index_t{0}); }
  index_t groups() const { return std::ssize(lengths); }
  std::size_t block(index_t g) const { return static_cast<std::size_t>(visible[static_cast<std::size_t>(g)]); }
  index_t height(index_t g) const { return first_row[block(g) + 1] - first_row[block(g)]; }
  index_t widest() const {
    index_t w = 0;
    for (index_t g = 0; g < groups(); ++g) w = std::max(w, height(g));
    return w;
  }
  template <class T>
  block_view<T> over(matrix_view<T> stacked) const {
    return {stacked, first_row.data(), visible.data(), widest()};
  }
  /// f(group, row) for every row.
  template <class F>
  void each_row(const F& f) const {
    index_t i = 0;
    for (index_t g = 0; g < groups(); ++g)
      for (index_t n = 0; n < lengths[static_cast<std::size_t>(g)]; ++n) f(g, i++);
  }
};

const std::vector<grouping>& groupings() {
  static const std::vector<grouping> all{
      {{5, 7, 3}},
      {{40, 0, 33}},
      {{0, 0, 0}},
      {{0, 203, 0}},
      {{1, 1, 1}},
      {{20}, {1}},
      {{9, 4}, {4, 2}},  // a block without rows
      {{30, 31}, {1, 0}, {0, 8, 16}},
  };
  return all;
}

table start(double beta, index_t rows, index_t cols, std::uint64_t seed) {
  return beta == 0 ? table(rows, cols, not_a_number) : random_table(rows, cols, seed);
}
table plus(double beta, const table& before, table y) {
  if (beta != 0)
    for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] += before.values[i];
  return y;
}

/// Choices of 7 tokens with 3 slots among 4 experts, and the same sorted.
template <class B>
struct chosen_experts {
  index_t tokens = 7, slots = 3;
  std::vector<id_type> choice;
  pair_groups<B> sorted;
  explicit chosen_experts(std::vector<id_type> c)
      : choice(std::move(c)), sorted(sort_by_expert<B>(put_ids<B>(choice, tokens, slots), 4)) {}

  /// f(row, token, slot) for every row, from the rule alone: experts in turn, then tokens, then slots.
  template <class F>
  void each_row(const F& f) const {
    index_t row = 0;
    for (id_type e = 0; e < 4; ++e)
      for (index_t p = 0; p < tokens * slots; ++p)
        if (choice[static_cast<std::size_t>(p)] == e) f(row++, p / slots, p % slots);
  }
  index_t rows() const {
    return std::count_if(choice.begin(), choice.end(), [](id_type e) { return e != no_choice; });
  }
};

std::vector<std::vector<id_type>> choices() {
  // A token asks for an expert once.
  std::vector<id_type> mixed(21), all_for_one(21, no_choice);
  for (std::size_t p = 0; p < mixed.size(); ++p) {
    mixed[p] = static_cast<id_type>(random_stream(3).below(p, 5)) - 1;
    for (std::size_t before = p / 3 * 3; before < p; ++before)
      if (mixed[p] == mixed[before]) mixed[p] = no_choice;
    if (p % 3 == p / 3 % 3) all_for_one[p] = 2;
  }
  return {mixed, all_for_one, std::vector<id_type>(21, no_choice)};
}

}  // namespace

TEST_CASE_TEMPLATE("backend/groups: every group's rows times its own block, both ways, and the block's gradient", B,
                   GMOE_TEST_BACKENDS) {
  using scalar = typename B::scalar;
  with_threads<B>([&] {
    for (const grouping& of : groupings())
      for (double beta : {0.0, 1.0}) {
        const index_t d = 9, rows = of.rows(), wide = of.widest(), stacked = of.first_row.back();
        const table w = random_table(stacked, d, 1), x = random_table(rows, d, 2), h = random_table(rows, wide, 3);
        const matrix<B> mw = put<B>(w);
        const row_groups<B> groups(of.lengths);
        CHECK(groups.rows == rows);
        const table y0 = start(beta, rows, wide, 4), z0 = start(beta, rows, d, 5), dw0 = start(beta, stacked, d, 6);
        table y(rows, wide), z(rows, d), dw(stacked, d);
        of.each_row([&](index_t g, index_t i) {
          for (index_t u = 0; u < of.height(g); ++u)
            for (index_t c = 0; c < d; ++c) {
              const index_t row = of.first_row[of.block(g)] + u;
              y(i, u) += x(i, c) * w(row, c);
              z(i, c) += h(i, u) * w(row, c);
              dw(row, c) += h(i, u) * x(i, c);
            }
        });
        const framed<B> fx(x), fh(h);
        framed<B> fy(y0), fz(z0), fdw(dw0);
        const auto s = static_cast<scalar>(beta);
        B::grouped_gemm(op::transpose, fx.in(), of.over(mw.view()), s, fy.view(), groups.ranges());
        B::grouped_gemm(op::none, fh.in(), of.over(mw.view()), s, fz.view(), groups.ranges());
        B::grouped_weight_gradient(fh.in(), fx.in(), s, of.over(fdw.view()), groups.ranges());
        CHECK(difference(fy.inner(), plus(beta, y0, y)) < tolerance<B>);
        CHECK(difference(fz.inner(), plus(beta, z0, z)) < tolerance<B>);
        const table got = fdw.inner();
        for (index_t b = 0; b + 1 < std::ssize(of.first_row); ++b) {
          const bool seen = std::count(of.visible.begin(), of.visible.end(), static_cast<id_type>(b)) > 0;
          for (index_t r = of.first_row[static_cast<std::size_t>(b)]; r < of.first_row[static_cast<std::size_t>(b) + 1];
               ++r)
            for (index_t c = 0; c < d; ++c) {
              if (seen)
                CHECK(std::abs(got(r, c) - dw(r, c) - (beta == 0 ? 0 : dw0(r, c))) < 200 * tolerance<B>);
              else if (beta == 0)
                CHECK(std::isnan(got(r, c)));
              else
                CHECK(got(r, c) == dw0(r, c));
            }
        }
        CHECK((fy.border_untouched() && fz.border_untouched() && fdw.border_untouched()));
      }
  });
}

TEST_CASE_TEMPLATE("backend/groups: products of equal blocks, all transpositions", B, GMOE_TEST_BACKENDS) {
  using scalar = typename B::scalar;
  struct sizes {
    index_t count, m, n, k;
  };
  with_threads<B>([&] {
    for (const sizes& s : {sizes{3, 4, 5, 6}, {1, 70, 9, 11}, {12, 2, 3, 4}, {2, 3, 4, 0}, {0, 3, 4, 5}, {2, 0, 4, 5}})
      for (op a_op : {op::none, op::transpose})
        for (op b_op : {op::none, op::transpose})
          for (double beta : {0.0, 1.0}) {
            const bool a_lies = a_op == op::none, b_lies = b_op == op::none;
            const table a = random_table(s.count * (a_lies ? s.m : s.k), a_lies ? s.k : s.m, 1),
                        b = random_table(s.count * (b_lies ? s.k : s.n), b_lies ? s.n : s.k, 2),
                        before = start(beta, s.count * s.m, s.n, 3);
            table c(s.count * s.m, s.n);
            for (index_t t = 0; t < s.count; ++t)
              for (index_t i = 0; i < s.m; ++i)
                for (index_t j = 0; j < s.n; ++j)
                  for (index_t l = 0; l < s.k; ++l)
                    c(t * s.m + i, j) += (a_lies ? a(t * s.m + i, l) : a(t * s.k + l, i)) *
                                         (b_lies ? b(t * s.k + l, j) : b(t * s.n + j, l));
            const framed<B> fa(a), fb(b);
            framed<B> fc(before);
            B::batched_gemm(a_op, b_op, fa.in(), fb.in(), static_cast<scalar>(beta), fc.view(), s.count);
            CHECK(difference(fc.inner(), plus(beta, before, c)) < tolerance<B>);
            CHECK(fc.border_untouched());
          }
  });
}

TEST_CASE_TEMPLATE("backend/groups: rows of pairs, their weighted sums, and their products with the tokens", B,
                   GMOE_TEST_BACKENDS) {
  using scalar = typename B::scalar;
  with_threads<B>([&] {
    for (const auto& choice : choices())
      for (bool weighted : {false, true})
        for (double beta : {0.0, 1.0}) {
          const chosen_experts<B> c(choice);
          const index_t d = 11, rows = c.rows();
          CHECK(c.sorted.rows == rows);
          const table x = random_table(7, d, 1), v = random_table(rows, d, 2), w = random_table(7, 3, 3),
                      y0 = start(beta, rows, d, 4), z0 = start(beta, 7, d, 5), dots0 = start(beta, 7, 3, 6);
          table y(rows, d), z(7, d), dots(7, 3);
          c.each_row([&](index_t i, index_t t, index_t j) {
            const double factor = weighted ? w(t, j) : 1;
            for (index_t n = 0; n < d; ++n) {
              y(i, n) = factor * x(t, n);
              z(t, n) += factor * v(i, n);
              dots(t, j) += x(t, n) * v(i, n);
            }
          });
          const matrix<B> mw = put<B>(w);
          const auto pairs = c.sorted.pairs(weighted ? mw.data() : nullptr);
          const framed<B> fx(x), fv(v);
          framed<B> fy(y0), fz(z0), fdots(dots0);
          const auto s = static_cast<scalar>(beta);
          B::gather_pairs(fy.view(), s, fx.in(), pairs);
          B::combine_pairs(fz.view(), s, fv.in(), pairs);
          B::pair_dots(fdots.view(), s, fx.in(), fv.in(), pairs);
          CHECK(difference(fy.inner(), plus(beta, y0, y)) < tolerance<B>);
          CHECK(difference(fz.inner(), plus(beta, z0, z)) < tolerance<B>);
          CHECK(difference(fdots.inner(), plus(beta, dots0, dots)) < tolerance<B>);
          CHECK((fy.border_untouched() && fz.border_untouched() && fdots.border_untouched()));
        }
  });
}

TEST_CASE_TEMPLATE("backend/groups: sums of segments and their expansion", B, GMOE_TEST_BACKENDS) {
  using scalar = typename B::scalar;
  std::vector<index_t> many(40, 3);
  many[7] = many[39] = 0;
  with_threads<B>([&] {
    for (const std::vector<index_t>& lengths :
         {std::vector<index_t>{2, 0, 3}, {0, 64, 64, 1}, {63, 300, 2}, {0, 0}, {5}, {}, many})
      for (double beta : {0.0, 1.0}) {
        const row_groups<B> groups(lengths);
        const grouping of{lengths};
        const index_t d = 19;
        const table x = random_table(of.rows(), d, 1), v = random_table(of.groups(), d, 2),
                    y0 = start(beta, of.groups(), d, 3), z0 = start(beta, of.rows(), d, 4);
        table y(of.groups(), d), z(of.rows(), d);
        of.each_row([&](index_t g, index_t i) {
          for (index_t c = 0; c < d; ++c) {
            y(g, c) += 0.5 * x(i, c);
            z(i, c) = 0.5 * v(g, c);
          }
        });
        const framed<B> fx(x), fv(v);
        framed<B> fy(y0), fz(z0);
        const auto s = static_cast<scalar>(beta);
        const auto offsets = std::as_const(groups.offsets).view();
        B::segment_sums(fy.view(), s, scalar(0.5), fx.in(), offsets);
        B::expand_segments(fz.view(), s, scalar(0.5), fv.in(), offsets);
        CHECK(difference(fy.inner(), plus(beta, y0, y)) < 4 * tolerance<B>);
        CHECK(difference(fz.inner(), plus(beta, z0, z)) < tolerance<B>);
        CHECK((fy.border_untouched() && fz.border_untouched()));
      }
  });
}

TEST_CASE_TEMPLATE("backend/groups: a group has no negative length", B, GMOE_TEST_DOUBLE_BACKENDS) {
  CHECK_THROWS_WITH_AS(row_groups<B>({2, -1}), "row_groups: a group of -1 rows", config_error);
}
