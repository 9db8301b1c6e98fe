// The recipes of CONTRIBUTING.md: an op with its test, a score function of one's own, a variant made with it.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include "gmoe/autograd/gradient_check.hpp"
#include "gmoe/backend/cpu.hpp"
#include "gmoe/model/describe.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "ops/gradients.hpp"

// [formula]
namespace gmoe::fn {

/// x / (1 + |x|): a tanh that saturates slowly.
struct softsign {
  template <class T>
  GMOE_HD T value(const T& x) const {
    return x / (T(1) + abs(x));
  }
  template <class T>
  GMOE_HD T slope(const T& x, const T&) const {
    const T inverse = T(1) / (T(1) + abs(x));
    return inverse * inverse;
  }
};

}  // namespace gmoe::fn

namespace gmoe {

template <class B>
variable<B> softsign(const variable<B>& x) {
  return apply(fn::softsign{}, x);
}

}  // namespace gmoe
// [/formula]

// [op]
namespace gmoe {

/// y_tj = (x_tj - v_j)^2 for v (1 x cols): how far every row is from one point, column by column.
///     dx_tj = 2 dy_tj (x_tj - v_j)      dv_j = -sum_t dx_tj
template <class B>
variable<B> square_differences(const variable<B>& x, const variable<B>& v) {
  require(v.rows() == 1 && v.cols() == x.cols(), "square_differences: expected 1 x ", x.cols(), ", got ", v.rows(),
          " x ", v.cols());
  matrix<B> y(x.rows(), x.cols()), difference(x.rows(), x.cols());
  B::map_with_row(difference.view(), 0, fn::minus{}, x.value().view(), v.value().view());
  B::map(y.view(), 0, fn::value_of<fn::square>{}, std::as_const(difference).view());
  return make_result(
      std::move(y),
      [x = x.without_value(), v = v.without_value(), difference](const variable<B>& y) {
        const auto dy = std::as_const(y.gradient()).view();
        if (x.needs_gradient()) {
          const auto [to, beta] = x.sink();
          B::map(to->view(), beta, fn::slope_of<fn::square>{}, dy, difference.view(), difference.view());
        }
        if (v.needs_gradient()) {
          matrix<B> products(x.rows(), x.cols());
          B::map(products.view(), 0, fn::times{}, dy, difference.view());
          const auto [to, beta] = v.sink();
          B::col_sums(to->view(), beta, -2, std::as_const(products).view());
        }
      },
      x, v);
}

}  // namespace gmoe
// [/op]

using namespace gmoe;
using namespace gmoe_test;

// [op-test]
TEST_CASE_TEMPLATE("ops/square_differences: from one point", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const table x = random_table(5, 3, 1), v = random_table(1, 3, 2);
  const operation<B> f = [](const inputs<B>& in) { return square_differences(in[0], in[1]); };
  table expected(5, 3);
  for (index_t i = 0; i < 5; ++i)
    for (index_t j = 0; j < 3; ++j) expected(i, j) = (x(i, j) - v(0, j)) * (x(i, j) - v(0, j));
  CHECK(difference(evaluate<B>(f, {x, v}), expected) < 1e-14);
  CHECK(gradient_error<B>(f, {x, v}) < 1e-8);  // against finite differences
}

TEST_CASE_TEMPLATE("ops/square_differences: the row must fit", B, GMOE_TEST_DOUBLE_BACKENDS) {
  CHECK_THROWS_WITH_AS(square_differences(constant<B>(table(2, 3)), constant<B>(table(1, 2))),
                       "square_differences: expected 1 x 3, got 1 x 2", config_error);
}
// [/op-test]

TEST_CASE_TEMPLATE("docs/contributing: softsign", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const table x = random_table(4, 3, 3, -3, 3);
  const operation<B> f = [](const inputs<B>& in) { return softsign(in[0]); };
  table expected(4, 3);
  for (std::size_t i = 0; i < expected.values.size(); ++i)
    expected.values[i] = x.values[i] / (1 + std::abs(x.values[i]));
  CHECK(difference(evaluate<B>(f, {x}), expected) < 1e-13);
  CHECK(gradient_error<B>(f, {x}) < 1e-8);
}

// [one-line]
/// Other policies make another type of card, other numbers another value.
using gmoe_renormalised_card = gmoe::with<gmoe::gmoe_card, gmoe::renormalised_scores>;
constexpr auto gmoe_top2 = gmoe::card<gmoe_renormalised_card>(gmoe::top_k{.k = 2}, gmoe::switch_loss{.alpha = 0.02});
// [/one-line]

// [policy]
/// p = sigmoid(z): experts do not compete; goes with renormalised weights.
struct sigmoid_marks {
  using slot = gmoe::slots::score;
  template <class B>
  gmoe::variable<B> scores(const gmoe::place<B>&, const gmoe::routing<B>& r) const {
    return sigmoid(r.logits);
  }
};

struct sigmoid_smoe_card : gmoe::smoe_card {
  static constexpr gmoe::card_text text{"sigmoid-smoe", "", "top-2 of independent scores, weights that sum to one"};
  sigmoid_marks score{};
};
// [/policy]

// [policy-test]
TEST_CASE("a variant of one's own: every gradient against finite differences") {
  using B = gmoe::cpu<double>;
  gmoe::language_model<sigmoid_smoe_card, B> model{{.vocab = 11,
                                                    .positions = 4,
                                                    .d_model = 6,
                                                    .layers = 2,
                                                    .heads = 2,
                                                    .d_ff = 8,
                                                    .experts = 4,
                                                    .initializer_range = 0.3}};
  gmoe::batch<B> data;
  data.assign(std::vector<gmoe::id_type>{1, 2, 3, 4, 5, 6, 7, 8}, std::vector<gmoe::id_type>{2, 3, 4, 5, 6, 7, 8, 9}, 2,
              11);
  const auto loss = [&](gmoe::tape<B>* tape) {
    gmoe::context<B> ctx{.tape = tape};
    return model.loss(ctx, data).total;
  };
  const auto report = gmoe::check_gradients(model.parameters(), loss);
  INFO(report.where, ": ", report.analytic, " by the tape, ", report.numeric, " by differences");
  CHECK(report.worst < 1e-6);
}
// [/policy-test]

TEST_CASE("docs/contributing: the cards are complete and have their names") {
  CHECK(gmoe::check_card<gmoe_renormalised_card, gmoe::cpu<double>>());
  CHECK(gmoe_top2.select.k == 2);
  CHECK(gmoe_top2.balance.alpha == 0.02);
  CHECK(gmoe::describe<sigmoid_smoe_card>().starts_with("sigmoid-smoe: top-2 of independent scores"));
  gmoe::with_card<gmoe::card_list<sigmoid_smoe_card>>(
      "sigmoid-smoe", []<class Card>() { CHECK(std::is_same_v<Card, sigmoid_smoe_card>); });
}
