#include <doctest/doctest.h>

#include "backends.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

struct sized_shape {
  attention_shape shape;
  index_t head = 8;
};
// Lengths below, at and above a block; heads of less than a register, of some, and of some and a rest.
constexpr sized_shape sized_shapes[] = {{{.batch = 1, .sequence = 1, .heads = 1}},
                                        {{.batch = 3, .sequence = 1, .heads = 2}},
                                        {{.batch = 2, .sequence = 5, .heads = 3}, 3},
                                        {{.batch = 1, .sequence = 63, .heads = 2}},
                                        {{.batch = 2, .sequence = 64, .heads = 1}},
                                        {{.batch = 1, .sequence = 65, .heads = 2}, 3},
                                        {{.batch = 1, .sequence = 65, .heads = 1}, 40},
                                        {{.batch = 2, .sequence = 150, .heads = 2}},
                                        {{.batch = 1, .sequence = 150, .heads = 1}, 20},
                                        {{.batch = 1, .sequence = 130, .heads = 1}, 32},
                                        {{.batch = 2, .sequence = 5, .heads = 4, .sharing = 2}, 3},
                                        {{.batch = 2, .sequence = 70, .heads = 6, .sharing = 3}},
                                        {{.batch = 1, .sequence = 130, .heads = 3, .sharing = 3}, 20}};

/// The gradient of the naive forward pass, by the chain rule.
template <class Mask>
table attention_gradient(const table& qkv, const table& dy, const attention_shape& s, const Mask& mask) {
  const index_t d = dy.cols, head = d / s.heads;
  const double scale = 1 / std::sqrt(static_cast<double>(head));
  table dqkv(qkv.rows, qkv.cols);
  for (index_t b = 0; b < s.batch; ++b)
    for (index_t h = 0; h < s.heads; ++h)
      for (index_t i = 0; i < s.sequence; ++i) {
        const index_t row = b * s.sequence + i, at = h * head, of_keys = d + h / s.sharing * head,
                      of_values = of_keys + d / s.sharing;
        std::vector<double> p(static_cast<std::size_t>(i + 1)), dp(p.size());
        double sum = 0, dot = 0;
        for (index_t j = 0; j <= i; ++j) {
          const index_t key = b * s.sequence + j;
          double score = 0;
          for (index_t c = 0; c < head; ++c) score += scale * qkv(row, at + c) * qkv(key, of_keys + c);
          sum += p[static_cast<std::size_t>(j)] = std::exp(score);
        }
        for (index_t j = 0; j <= i; ++j) {
          const index_t key = b * s.sequence + j;
          double& pj = p[static_cast<std::size_t>(j)];
          double& dpj = dp[static_cast<std::size_t>(j)];
          pj /= sum;
          const double keep = mask(b * s.heads + h, i, j);
          for (index_t c = 0; c < head; ++c) {
            dpj += keep * dy(row, at + c) * qkv(key, of_values + c);
            dqkv(key, of_values + c) += keep * pj * dy(row, at + c);
          }
          dot += pj * dpj;
        }
        for (index_t j = 0; j <= i; ++j) {
          const index_t key = b * s.sequence + j;
          const double ds = scale * p[static_cast<std::size_t>(j)] * (dp[static_cast<std::size_t>(j)] - dot);
          for (index_t c = 0; c < head; ++c) {
            dqkv(row, at + c) += ds * qkv(key, of_keys + c);
            dqkv(key, of_keys + c) += ds * qkv(row, at + c);
          }
        }
      }
  return dqkv;
}

/// Runs forward and backward against the references.
template <class B, class Mask>
void check_attention(const attention_shape& s, index_t head, random_stream random, const Mask& mask) {
  CAPTURE(s.batch);
  CAPTURE(s.sequence);
  CAPTURE(s.heads);
  CAPTURE(s.sharing);
  CAPTURE(head);
  const index_t d = head * s.heads, rows = s.batch * s.sequence;
  const table qkv = random_table(rows, s.columns(d), 1, -1.5, 1.5), dy = random_table(rows, d, 2);
  const matrix<B> m = put<B>(qkv), mdy = put<B>(dy);
  matrix<B> y(rows, d), lse(rows, s.heads), dqkv = put<B>(table(rows, s.columns(d), not_a_number));
  B::attention(y.view(), lse.view(), m.view(), s, random);
  CHECK(difference(get(y), attention(qkv, s, mask)) < 4 * tolerance<B>);
  B::attention_backward(dqkv.view(), mdy.view(), std::as_const(y).view(), std::as_const(lse).view(), m.view(), s,
                        random);
  CHECK(difference(get(dqkv), attention_gradient(qkv, dy, s, mask)) < 8 * tolerance<B>);
}

}  // namespace

TEST_CASE_TEMPLATE("backend/attention: equals the loops, below, at and above a block of rows", B, GMOE_TEST_BACKENDS) {
  with_threads<B>([] {
    for (const auto& [s, head] : sized_shapes)
      check_attention<B>(s, head, random_stream(1), [](index_t, index_t, index_t) { return 1.0; });
  });
}

TEST_CASE_TEMPLATE("backend/attention: large scores do not overflow", B, GMOE_TEST_BACKENDS) {
  const attention_shape s{.batch = 1, .sequence = 20, .heads = 1};
  const table qkv = random_table(20, 24, 3, -40, 40);
  matrix<B> y(20, 8), lse(20, 1);
  B::attention(y.view(), lse.view(), put<B>(qkv).view(), s, random_stream(1));
  // Scores of some thousands leave a float three digits behind the point.
  CHECK(difference(get(y), attention(qkv, s)) < 200 * tolerance<B>);
}

TEST_CASE_TEMPLATE("backend/attention: dropout draws element (i, j) of a head from the stream, both ways", B,
                   GMOE_TEST_BACKENDS) {
  const random_stream random = random_stream(7).fork("attention");
  with_threads<B>([&] {
    for (auto [s, head] : sized_shapes) {
      s.dropout = 0.3;
      check_attention<B>(s, head, random, [&, s = s](index_t task, index_t i, index_t j) {
        const auto element = static_cast<std::uint64_t>((task * s.sequence + i) * s.sequence + j);
        const double u = random.words(element / 4).word[element % 4] * 0x1.0p-32;
        return u < 0.3 ? 0.0 : 1 / 0.7;
      });
    }
  });
}

TEST_CASE_TEMPLATE("backend/attention: the cache gives what full attention gives, row by row or in pieces", B,
                   GMOE_TEST_BACKENDS) {
  for (const index_t sharing : {1, 2}) {
    const index_t length = 150, heads = 4, d = 16, shared = d / sharing;
    const attention_shape s{.batch = 1, .sequence = length, .heads = heads, .sharing = sharing};
    const table qkv = random_table(length, s.columns(d), 4);
    const matrix<B> m = put<B>(qkv);
    const table expected = attention(qkv, s);
    with_threads<B>([&] {
      for (index_t piece : {1, 7, 64, 100, 150}) {
        CAPTURE(piece);
        matrix<B> y(length, d), k_cache = put<B>(table(length + 3, shared, not_a_number)),
                                v_cache = put<B>(table(length + 3, shared, not_a_number));
        for (index_t past = 0; past < length; past += piece) {
          const index_t count = std::min(piece, length - past);
          B::attention_cached(y.view().row_block(past, count), k_cache.view(), v_cache.view(),
                              m.view().row_block(past, count), past, heads);
        }
        CHECK(difference(get(y), expected) < 4 * tolerance<B>);
        CHECK(get(k_cache)(length - 1, 3) == qkv(length - 1, d + 3));
        CHECK(get(v_cache)(0, 5) == qkv(0, d + shared + 5));
        CHECK(std::isnan(get(k_cache)(length, 0)));
      }
    });
  }
}
