#include <doctest/doctest.h>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

std::vector<id_type> random_ids(index_t count, index_t bound, std::uint64_t seed) {
  std::vector<id_type> ids(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<id_type>(random_stream(seed).below(i, static_cast<std::uint64_t>(bound)));
  return ids;
}

}  // namespace

TEST_CASE_TEMPLATE("backend/gather: rows by id, with periodic rows of another matrix added", B, GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    for (index_t cols : {1, 5, 8, 33})
      for (index_t count : {index_t{1}, index_t{6}, many_rows(12000 / cols) / 3 * 3}) {
        const index_t period = count % 3 == 0 ? 3 : 1, offset = 2;
        CAPTURE(cols);
        CAPTURE(count);
        const table x = random_table(9, cols, 1), more = random_table(offset + period + 1, cols, 2);
        const std::vector<id_type> ids = random_ids(count, 9, 3);
        table plain(count, cols), both(count, cols);
        for (index_t i = 0; i < count; ++i)
          for (index_t j = 0; j < cols; ++j) {
            plain(i, j) = x(ids[static_cast<std::size_t>(i)], j);
            both(i, j) = plain(i, j) + more(offset + i % period, j);
          }
        const framed<B> fx(x), fm(more);
        const auto mv = fm.in();
        const auto id = put_ids<B>(ids, 1, count);
        framed<B> y(table(count, cols)), z(table(count, cols));
        B::gather_rows(y.view(), fx.in(), id.view(), nullptr, 0, 1);
        REQUIRE(difference(y.inner(), plain) == 0);
        REQUIRE(y.border_untouched());
        B::gather_rows(z.view(), fx.in(), id.view(), &mv, offset, period);
        REQUIRE(difference(z.inner(), both) < tolerance<B>);
        REQUIRE(z.border_untouched());
      }
  });
}

TEST_CASE_TEMPLATE("backend/gather: adding rows back by id, repeated ids included", B, GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    for (index_t cols : {1, 5, 8, 67})
      for (index_t count : {0, 1, 7, 2000}) {
        CAPTURE(cols);
        CAPTURE(count);
        const table x = random_table(count, cols, 1), before = random_table(5, cols, 2);
        const std::vector<id_type> ids = random_ids(count, 4, 3);  // row 4 gets nothing
        table expected = before;
        for (index_t i = 0; i < count; ++i)
          for (index_t j = 0; j < cols; ++j) expected(ids[static_cast<std::size_t>(i)], j) += x(i, j);
        framed<B> y(before);
        const framed<B> fx(x);
        const auto id = put_ids<B>(ids, 1, count);
        B::scatter_add_rows(y.view(), fx.in(), id.view());
        CHECK(difference(y.inner(), expected) < 4 * tolerance<B>);
        CHECK(y.border_untouched());
      }
  });
}

TEST_CASE_TEMPLATE("backend/gather: rows added up by their place in the period", B, GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    const table x = random_table(12, 9, 1), before = random_table(4, 9, 2);
    table expected = before;
    for (index_t i = 0; i < 12; ++i)
      for (index_t j = 0; j < 9; ++j) expected(i % 4, j) += x(i, j);
    framed<B> y(before);
    const framed<B> fx(x);
    B::add_rows_periodic(y.view(), fx.in(), 4);
    CHECK(difference(y.inner(), expected) < tolerance<B>);
    CHECK(y.border_untouched());
  });
}

TEST_CASE_TEMPLATE("backend/gather: elements by id and back; empty choices give and take nothing", B,
                   GMOE_TEST_BACKENDS) {
  const table x = random_table(4, 6, 1);
  const std::vector<id_type> ids{5, 0, no_choice, 2, 3, 3, no_choice, no_choice};
  const auto id = put_ids<B>(ids, 4, 2);
  framed<B> y(table(4, 2, 9));
  const framed<B> fx(x);
  B::gather_elements(y.view(), fx.in(), id.view());
  table expected(4, 2), back = x;
  for (index_t i = 0; i < 4; ++i)
    for (index_t j = 0; j < 2; ++j) {
      const id_type e = ids[static_cast<std::size_t>(i * 2 + j)];
      expected(i, j) = e == no_choice ? 0 : x(i, e);
      if (e != no_choice) back(i, e) += static_cast<double>(i + 1);
    }
  CHECK(difference(y.inner(), expected) == 0);
  CHECK(y.border_untouched());

  table dy(4, 2);
  for (index_t i = 0; i < 4; ++i) dy(i, 0) = dy(i, 1) = static_cast<double>(i + 1);
  framed<B> dx(x);
  const framed<B> fdy(dy);
  B::scatter_add_elements(dx.view(), fdy.in(), id.view());
  CHECK(difference(dx.inner(), back) < tolerance<B>);
  CHECK(dx.border_untouched());
}

TEST_CASE_TEMPLATE("backend/gather: one-hot rows", B, GMOE_TEST_BACKENDS) {
  const auto id = put_ids<B>({2, 0, no_choice, 1, no_choice, no_choice}, 3, 2);
  framed<B> y(table(3, 3, 9));
  B::one_hot(y.view(), id.view());
  CHECK(y.inner().values == std::vector<double>{1, 0, 1, 0, 1, 0, 0, 0, 0});
  CHECK(y.border_untouched());
}

TEST_CASE_TEMPLATE("backend/gather: no_choice is read as zeros and written nowhere", B, GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    for (index_t cols : {1, 7, 300})
      for (index_t count : {3, 200}) {
        CAPTURE(cols);
        CAPTURE(count);
        std::vector<id_type> list = random_ids(count, 5, 6);
        for (std::size_t i = 0; i < list.size(); i += 3) list[i] = no_choice;
        const auto ids = put_ids<B>(list, count, 1);
        const table x = random_table(5, cols, 1), part = random_table(count, cols, 2), more = random_table(2, cols, 3);
        table taken(count, cols), with_more(count, cols), added(5, cols, 1);
        for (index_t i = 0; i < count; ++i)
          for (index_t j = 0; j < cols; ++j) {
            const id_type id = list[static_cast<std::size_t>(i)];
            if (id != no_choice) taken(i, j) = x(id, j);
            if (id != no_choice) added(id, j) += part(i, j);
            with_more(i, j) = taken(i, j) + more(i % 2, j);
          }
        matrix<B> y(count, cols);
        const framed<B> from(x), rows(part);
        B::gather_rows(y.view(), from.in(), ids.view(), nullptr, 0, 1);
        CHECK(difference(get(y), taken) == 0);
        const auto periodic = put<B>(more);
        const auto in = periodic.view();
        B::gather_rows(y.view(), from.in(), ids.view(), &in, 0, 2);
        CHECK(difference(get(y), with_more) < tolerance<B>);
        framed<B> to(table(5, cols, 1));
        B::scatter_add_rows(to.view(), rows.in(), ids.view());
        CHECK(difference(to.inner(), added) < tolerance<B>);
        CHECK(to.border_untouched());
      }
    const auto none = put_ids<B>(std::vector<id_type>(4, no_choice), 2, 2);
    matrix<B> y(4, 3), sum = put<B>(table(2, 3, 5));
    B::gather_rows(y.view(), std::as_const(sum).view(), none.view(), nullptr, 0, 1);
    CHECK(get(y).values == std::vector<double>(12, 0.0));
    B::scatter_add_rows(sum.view(), put<B>(table(4, 3, not_a_number)).view(), none.view());
    CHECK(get(sum).values == std::vector<double>(6, 5.0));
  });
}
