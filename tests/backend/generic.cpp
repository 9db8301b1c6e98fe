// Every kernel of the long list that a backend has of its own against its composition of the short list.

#include "gmoe/backend/generic.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

constexpr index_t rows = 36, cols = 19;

/// Infinities become numbers that nothing else is, and so does every entry of a row with a NaN: which of them show it
/// is not promised.
template <class B, class T>
table numbers(const matrix<B, T>& m) {
  const auto v = m.to_host();
  table t(m.rows(), m.cols());
  t.values.assign(v.begin(), v.end());
  for (index_t i = 0; i < t.rows; ++i) {
    bool nan = false;
    for (index_t j = 0; j < t.cols; ++j) {
      nan = nan || std::isnan(t(i, j));
      if (std::isinf(t(i, j))) t(i, j) = t(i, j) > 0 ? 103 : -103;
    }
    for (index_t j = 0; j < t.cols && nan; ++j) t(i, j) = 101;
  }
  return t;
}

/// run(k, keep) calls one kernel of k, and keep(result) for all that it wrote: first of the backend, then composed.
template <class B, class F>
void check_same(const char* kernel, const F& run) {
  CAPTURE(kernel);
  std::vector<table> own, composed;
  run(B{}, [&](const auto& m) { own.push_back(numbers(m)); });
  run(generic::fallbacks<B, typename B::scalar>{}, [&](const auto& m) { composed.push_back(numbers(m)); });
  REQUIRE(own.size() == composed.size());
  for (std::size_t i = 0; i < own.size(); ++i) {
    CAPTURE(i);
    CHECK(difference(composed[i], own[i]) < 16 * tolerance<B>);
  }
}

/// The same with a result that is overwritten, and with one that is added to.
template <class B, class F>
void check_added(const char* kernel, index_t m, index_t n, const F& run) {
  for (const double beta : {0.0, 1.0}) {
    const matrix<B> before = put<B>(beta == 0 ? table(m, n, not_a_number) : random_table(m, n, 50));
    check_same<B>(kernel, [&](auto k, auto keep) {
      matrix<B> y = before.clone();
      run(k, y.view(), static_cast<typename B::scalar>(beta));
      keep(y);
    });
  }
}

table zeros_and_ones(index_t m, index_t n, std::uint64_t seed) {
  table t = random_table(m, n, seed);
  for (double& v : t.values) v = v > 0;
  return t;
}

std::vector<id_type> random_ids(index_t count, id_type least, id_type bound, std::uint64_t seed) {
  std::vector<id_type> ids(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<id_type>(random_stream(seed).below(i, static_cast<std::uint64_t>(bound - least))) + least;
  return ids;
}

/// Pairs of 36 tokens with 2 slots among 3 experts of widths 13, 6 and 17.
template <class B>
struct pairs_of_experts {
  using scalar = typename B::scalar;
  static constexpr index_t slots = 2, widest = 17, units = 40;
  const std::vector<index_t> first_unit{0, 6, 10, 27, 40};
  const std::vector<id_type> visible{3, 0, 2};
  dispatch<B> sorted = sort_by_expert<B>(put_ids<B>(choices(), rows, slots), 3);
  pair_groups<B> pairs{sorted};
  matrix<B> weights = put<B>(random_table(rows, slots, 2, 0.1, 1)).clone();

  /// Two different ones, of which some are empty.
  static std::vector<id_type> choices() {
    std::vector<id_type> ids = random_ids(rows * slots, no_choice, 3, 1);
    for (std::size_t p = 1; p < ids.size(); p += slots)
      if (ids[p] == ids[p - 1]) ids[p] = no_choice;
    return ids;
  }
  pair_rows<scalar> list() const { return pairs.pairs(weights.data()); }
  template <class T>
  block_view<T> over(matrix_view<T> m) const {
    return {m, first_unit.data(), visible.data(), widest};
  }
  template <class T>
  expert_view<T> bank(matrix_view<T> w_in, matrix_view<T> w_out) const {
    return {w_in, w_out, first_unit.data(), visible.data(), 3, widest};
  }
};

}  // namespace

TEST_CASE_TEMPLATE("backend/generic: sums and softmaxes", B, GMOE_TEST_DOUBLE_BACKENDS) {
  using S = typename B::scalar;
  constexpr double infinite = std::numeric_limits<double>::infinity();
  const matrix<B> x = put<B>(random_table(rows, cols, 1, -3, 3)), dy = put<B>(random_table(rows, cols, 2)),
                  mask = put<B>(zeros_and_ones(rows, cols, 3));
  check_added<B>("row_dots", rows, 1, [&](auto k, auto y, S beta) { k.row_dots(y, beta, x.view(), dy.view()); });
  check_added<B>("sum", 1, 1, [&](auto k, auto y, S beta) { k.sum(y, beta, S(0.5), x.view()); });
  const double squares = generic::fallbacks<B, S>::sum_of_squares(x.view());
  CHECK(squares == doctest::Approx(B::sum_of_squares(x.view())).epsilon(1e-12));
  const matrix<B> of = [&] {
    matrix<B> y(rows, cols);
    B::softmax_rows(y.view(), x.view());
    return y;
  }();
  const auto over_rows = [&](const char* kernel, index_t width, const auto& run) {
    check_same<B>(kernel, [&](auto k, auto keep) {
      matrix<B> y = put<B>(table(rows, width, not_a_number)).clone();
      run(k, y.view());
      keep(y);
    });
  };
  over_rows("softmax_rows", cols, [&](auto k, auto y) { k.softmax_rows(y, x.view()); });
  over_rows("log_sum_exp_rows", 1, [&](auto k, auto y) { k.log_sum_exp_rows(y, x.view()); });
  over_rows("masked_softmax_rows", cols, [&](auto k, auto y) { k.masked_softmax_rows(y, x.view(), mask.view()); });
  over_rows("entmax_rows", cols, [&](auto k, auto y) { k.entmax_rows(y, x.view()); });

  table edges = random_table(rows, cols, 4);
  for (index_t j = 0; j < cols; ++j) edges(0, j) = -infinite;
  edges(1, 3) = -infinite;
  edges(2, 5) = edges(3, 18) = not_a_number;
  edges(4, 0) = 1e4;
  const matrix<B> edge = put<B>(edges);
  over_rows("log_sum_exp_rows, edges", 1, [&](auto k, auto y) { k.log_sum_exp_rows(y, edge.view()); });
  over_rows("masked_softmax_rows, edges", cols,
            [&](auto k, auto y) { k.masked_softmax_rows(y, edge.view(), mask.view()); });
  const auto finite = edge.view().row_block(1, rows - 1);
  check_same<B>("softmax_rows, entmax_rows, edges", [&](auto k, auto keep) {
    matrix<B> y(rows - 1, cols), z(rows - 1, cols);
    k.softmax_rows(y.view(), finite);
    k.entmax_rows(z.view(), finite);
    keep(y);
    keep(z);
  });
  check_added<B>("softmax_rows_backward", rows, cols,
                 [&](auto k, auto y, S beta) { k.softmax_rows_backward(y, beta, dy.view(), of.view()); });
}

TEST_CASE_TEMPLATE("backend/generic: layer norm, GRU and optimiser", B, GMOE_TEST_DOUBLE_BACKENDS) {
  using S = typename B::scalar;
  const matrix<B> x = put<B>(random_table(rows, cols, 1)), dy = put<B>(random_table(rows, cols, 2)),
                  gain = put<B>(random_table(1, cols, 3)), bias = put<B>(random_table(1, cols, 4));
  matrix<B> kept(rows, 2);
  check_same<B>("layer_norm", [&](auto k, auto keep) {
    matrix<B> y(rows, cols), moments(rows, 2);
    k.layer_norm(y.view(), moments.view(), x.view(), gain.view(), bias.view(), S(1e-5));
    keep(y);
    keep(moments);
    kept = moments;
  });
  for (const double beta : {0.0, 1.0})
    check_same<B>("layer_norm_backward", [&](auto k, auto keep) {
      matrix<B> dx = put<B>(beta == 0 ? table(rows, cols, not_a_number) : random_table(rows, cols, 5)).clone();
      matrix<B> dgain = gain.clone(), dbias = bias.clone();
      k.layer_norm_backward(dx.view(), S(beta), dgain.view(), dbias.view(), dy.view(), x.view(),
                            std::as_const(kept).view(), gain.view());
      keep(dx);
      keep(dgain);
      keep(dbias);
    });

  const matrix<B> a = put<B>(random_table(rows, 4 * cols, 6)), b_ih = put<B>(random_table(1, 3 * cols, 7)),
                  b_hh = put<B>(random_table(1, 3 * cols, 8));
  const auto h = dy.view();
  for (const matrix_view<const S>* state : {static_cast<const matrix_view<const S>*>(nullptr), &h})
    check_same<B>("gru_gates", [&](auto k, auto keep) {
      matrix<B> next(rows, cols), gates = a.clone(), dh = x.clone();
      auto to = dh.view();
      k.gru_gates(next.view(), gates.view(), b_ih.view(), b_hh.view(), state);
      keep(next);
      keep(gates);
      k.gru_gates_backward(gates.view(), state ? &to : nullptr, S(1), x.view(), state);
      keep(gates);
      keep(dh);
    });

  check_same<B>("adamw", [&](auto k, auto keep) {
    matrix<B> value = x.clone(), first = dy.clone(), second = matrix<B>::filled(rows, cols, S(0.25));
    k.adamw(value.view(), first.view(), second.view(), x.view(),
            fn::adamw_step<S>{S(0.99), S(0.9), S(0.95), S(0.1), S(1.5), S(1e-8), S(0.7)});
    keep(value);
    keep(first);
    keep(second);
  });
}

TEST_CASE_TEMPLATE("backend/generic: sequences, outer products and counts", B, GMOE_TEST_DOUBLE_BACKENDS) {
  using S = typename B::scalar;
  constexpr index_t m = 4, n = 5, group = 9;
  const matrix<B> x = put<B>(random_table(rows, m * n, 1)), a = put<B>(random_table(rows, m, 2)),
                  b = put<B>(random_table(rows, n, 3));
  check_added<B>("transpose_groups", rows / group * m * n, group,
                 [&](auto k, auto y, S beta) { k.transpose_groups(y, beta, x.view(), group); });
  check_added<B>("prefix_means", rows, m * n,
                 [&](auto k, auto y, S beta) { k.prefix_means(y, beta, x.view(), group); });
  const matrix<B> angles = put<B>(random_table(group + 2, 4, 8));
  check_added<B>("rotate", rows, 8, [&](auto k, auto y, S beta) {
    k.rotate(y, beta, x.view().col_block(0, 8), angles.view(), group, 2, S(-1));
  });
  check_added<B>("prefix_means_backward", rows, m * n,
                 [&](auto k, auto y, S beta) { k.prefix_means_backward(y, beta, x.view(), group); });
  check_added<B>("outer_rows", rows, m * n, [&](auto k, auto y, S beta) { k.outer_rows(y, beta, a.view(), b.view()); });
  check_added<B>("contract_rows", rows, m,
                 [&](auto k, auto y, S beta) { k.contract_rows(y, beta, x.view(), b.view()); });
  check_added<B>("contract_rows_left", rows, n,
                 [&](auto k, auto y, S beta) { k.contract_rows_left(y, beta, x.view(), a.view()); });

  const auto ids = put_ids<B>(random_ids(rows * 3, no_choice, m, 4), rows, 3);
  check_same<B>("add_rows_periodic, one_hot, count_choices, choice_fractions", [&](auto k, auto keep) {
    matrix<B> sums = put<B>(random_table(7, m * n, 5)).clone(), hot(rows, m), count(1, m), fraction(1, m);
    k.add_rows_periodic(sums.view(), x.view(), 7);
    keep(sums);
    k.one_hot(hot.view(), ids.view());
    keep(hot);
    k.count_choices(count.view(), S(0.5), ids.view());
    keep(count);
    k.choice_fractions(fraction.view(), ids.view());
    keep(fraction);
  });
}

TEST_CASE_TEMPLATE("backend/generic: attention and cross entropy", B, GMOE_TEST_DOUBLE_BACKENDS) {
  using S = typename B::scalar;
  constexpr index_t d = 18;
  const matrix<B> qkv = put<B>(random_table(rows, 3 * d, 1, -2, 2)), dy = put<B>(random_table(rows, d, 2));
  for (const index_t sharing : {1, 3}) {
    for (const double dropout : {0.0, 0.3}) {
      const attention_shape shape{.batch = 2, .sequence = rows / 2, .heads = 3, .dropout = dropout, .sharing = sharing};
      const auto of_shape = qkv.view().col_block(0, shape.columns(d));
      check_same<B>("attention", [&](auto k, auto keep) {
        matrix<B> y(rows, d), lse(rows, shape.heads),
            dqkv = put<B>(table(rows, shape.columns(d), not_a_number)).clone();
        k.attention(y.view(), lse.view(), of_shape, shape, random_stream(7));
        keep(y);
        keep(lse);
        k.attention_backward(dqkv.view(), dy.view(), std::as_const(y).view(), std::as_const(lse).view(), of_shape,
                             shape, random_stream(7));
        keep(dqkv);
      });
    }
    check_same<B>("attention_cached", [&](auto k, auto keep) {
      matrix<B> y(rows, d), keys = put<B>(table(rows, d / sharing, not_a_number)).clone(), values = keys.clone();
      for (const auto& [past, count] : {std::pair<index_t, index_t>{0, 20}, {20, 1}, {21, rows - 21}})
        k.attention_cached(y.view().row_block(past, count), keys.view(), values.view(),
                           qkv.view().row_block(past, count).col_block(0, d + 2 * d / sharing), past, 3);
      keep(y);
      keep(keys);
      keep(values);
    });
  }
  const auto targets = put_ids<B>(random_ids(rows, no_target, 3 * d, 3), 1, rows);
  check_same<B>("cross_entropy", [&](auto k, auto keep) {
    matrix<B> loss(rows, 1), again(rows, 1), logits = qkv.clone();
    k.cross_entropy(loss.view(), qkv.view(), targets.view());
    keep(loss);
    k.cross_entropy_with_gradient(logits.view(), again.view(), targets.view(), S(0.7));
    keep(again);
    keep(logits);
  });
}

TEST_CASE_TEMPLATE("backend/generic: choices", B, GMOE_TEST_DOUBLE_BACKENDS) {
  using S = typename B::scalar;
  constexpr index_t n = 6, group = 9;
  table ties = random_table(rows, n, 1, 0, 1);  // multiples of 1/8: many of them equal
  for (double& v : ties.values) v = std::round(8 * v) / 8;
  for (std::size_t i = 0; i < ties.values.size(); i += 17) ties.values[i] = not_a_number;
  const matrix<B> scores = put<B>(ties), valid = put<B>(zeros_and_ones(rows, 1, 2));
  const auto some = valid.view();
  check_same<B>("choices", [&](auto k, auto keep) {
    id_matrix<B> best(rows, 4), above(rows, 3), all(rows, n);
    k.top_k_rows(best.view(), scores.view());
    keep(best);
    k.keep_until_sum(best.view(), scores.view(), S(1.25));
    keep(best);
    k.choose_above(above.view(), scores.view(), S(0.5));
    keep(above);
    for (const auto* of : {static_cast<decltype(&some)>(nullptr), &some}) {
      id_matrix<B> chosen(rows / group * n, 4);
      k.choose_rows(chosen.view(), scores.view(), group, of);
      keep(chosen);
      k.choices_of_rows(all.view(), std::as_const(chosen).view());
      keep(all);
      k.choose_pairs(all.view(), scores.view(), 50, of);
      keep(all);
    }
    k.empty_rows(best.view(), some);
    keep(best);
  });
}

TEST_CASE_TEMPLATE("backend/generic: groups and experts", B, GMOE_TEST_DOUBLE_BACKENDS) {
  using S = typename B::scalar;
  const pairs_of_experts<B> m;
  const row_ranges groups = m.pairs.ranges();
  const index_t count = m.pairs.rows, widest = m.widest, d = cols;
  const matrix<B> w_in = put<B>(random_table(m.units, d, 3)), w_out = put<B>(random_table(m.units, d, 4)),
                  w_up = put<B>(random_table(m.units, d, 5)), x = put<B>(random_table(rows, d, 6)),
                  dy = put<B>(random_table(rows, d, 7)), sorted = put<B>(random_table(count, d, 8)),
                  hidden = put<B>(random_table(count, widest, 9));
  check_added<B>("grouped_gemm, transposed", count, widest, [&](auto k, auto y, S beta) {
    k.grouped_gemm(op::transpose, sorted.view(), m.over(w_in.view()), beta, y, groups);
  });
  check_added<B>("grouped_gemm", count, d, [&](auto k, auto y, S beta) {
    k.grouped_gemm(op::none, hidden.view(), m.over(w_out.view()), beta, y, groups);
  });
  check_same<B>("grouped_weight_gradient", [&](auto k, auto keep) {
    matrix<B> dw = w_in.clone();
    k.grouped_weight_gradient(hidden.view(), sorted.view(), S(1), m.over(dw.view()), groups);
    keep(dw);
    k.grouped_weight_gradient(hidden.view(), sorted.view(), S(0), m.over(dw.view()), groups);
    keep(dw);
  });
  check_added<B>("batched_gemm", 3 * d, d, [&](auto k, auto y, S beta) {
    k.batched_gemm(op::transpose, op::none, x.view(), dy.view(), beta, y, 3);
  });
  check_added<B>("gather_pairs", count, d,
                 [&](auto k, auto y, S beta) { k.gather_pairs(y, beta, x.view(), m.list()); });
  check_added<B>("combine_pairs", rows, d,
                 [&](auto k, auto y, S beta) { k.combine_pairs(y, beta, sorted.view(), m.list()); });
  check_added<B>("pair_dots", rows, m.slots,
                 [&](auto k, auto y, S beta) { k.pair_dots(y, beta, dy.view(), sorted.view(), m.list()); });
  const auto offsets = std::as_const(m.pairs.offsets).view();
  check_added<B>("segment_sums", 3, d,
                 [&](auto k, auto y, S beta) { k.segment_sums(y, beta, S(0.5), sorted.view(), offsets); });
  check_added<B>("expand_segments", count, d, [&](auto k, auto y, S beta) {
    k.expand_segments(y, beta, S(0.5), x.view().row_block(0, 3), offsets);
  });

  for (const bool dense : {false, true}) {
    const index_t made = dense ? rows : count;
    matrix<B> kept;  // by the backend's own forward pass, which may leave alone what no expert uses
    check_same<B>("experts", [&](auto k, auto keep) {
      using K = decltype(k);
      typename K::pair_list list{};
      if (!dense)
        list = {m.sorted.order.data(), m.sorted.position.data(), m.sorted.offsets_on_host(), m.slots, m.weights.view()};
      matrix<B> y(rows, d), h = put<B>(table(made, widest, not_a_number)).clone(), dh(made, widest), pair_dy(made, d),
                            dx = x.clone(), dw = matrix<B>::filled(rows, m.slots, S(0)), d_in = w_in.clone(),
                            d_out = w_out.clone();
      auto to = dx.view();
      const auto bank = m.bank(w_in.view(), w_out.view());
      k.template experts_forward<false>(fn::gelu{}, y.view(), h.view(), x.view(), list, bank);
      keep(y);
      if (kept.empty())
        kept = h.clone();
      else
        h = kept.clone();
      k.template experts_backward<false>(fn::gelu{}, &to, S(1), dense ? matrix_view<S>{} : dw.view(), dh.view(),
                                         dense ? matrix_view<S>{} : pair_dy.view(), dy.view(), h.view(), list, bank);
      keep(dx);
      keep(dw);
      const typename K::weight_job job{x.view(), dense ? dy.view() : std::as_const(pair_dy).view(),
                                       std::as_const(h).view(), std::as_const(dh).view(), list};
      k.expert_weight_gradients(m.bank(d_in.view(), d_out.view()), S(1), {&job, 1});
      keep(d_in);
      keep(d_out);
    });
    check_same<B>("gated_experts", [&](auto k, auto keep) {
      const id_type everything[] = {0, static_cast<id_type>(rows)};
      const row_ranges ranges = dense ? row_ranges{everything, 1} : groups;
      const pair_rows<S> list = dense ? pair_rows<S>{} : m.list();
      const gated_blocks<const S> w{m.over(w_in.view()), m.over(w_up.view()), m.over(w_out.view())};
      matrix<B> y(rows, d), gate = matrix<B>::filled(made, widest, S(0)), up = gate.clone(), h = gate.clone(),
                            pair_dy(made, d), dx = x.clone(), dw = m.weights.clone();
      auto to = dx.view();
      k.gated_experts_forward(fn::silu{}, x.view(), w, gate.view(), up.view(), y.view(), list, ranges);
      keep(y);
      k.gated_experts_backward(fn::silu{}, dy.view(), w, gate.view(), up.view(), h.view(), pair_dy.view(),
                               dense ? matrix_view<S>{} : dw.view(), &to, S(1), list, ranges);
      keep(dx);
      keep(dw);
      for (matrix<B>* g : {&gate, &up, &h}) {
        matrix<B> sums = matrix<B>::filled(m.units, d, S(0));
        k.grouped_weight_gradient(std::as_const(*g).view(), dense ? dy.view() : std::as_const(pair_dy).view(), S(1),
                                  m.over(sums.view()), ranges);
        keep(sums);
      }
    });
  }
}
