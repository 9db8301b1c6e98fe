#include "gmoe/moe/body/feed_forward.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "gmoe/moe/check_card.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

template <class B>
struct own_bank {
  const expert_bank<B>& weights;
};

double silu(double a) { return a / (1 + std::exp(-a)); }

/// The body on a routing of three tokens over the experts 2 and 0 of a pool of three, against loops.
template <class B, class Body>
void check_body(const Body& body, double (*activation)(double)) {
  const std::vector<index_t> widths{3, 1, 4};
  const expert_bank<B> bank = body.make_weights(builder<B>(1).scope("experts"), pool_shape{widths, 5, 0.5});
  CHECK(bank.experts() == 3);
  CHECK(bank.w_in().name() == "experts.w_in");
  CHECK(bank.w_in().rows() == 8);
  CHECK(bank.w_in().cols() == 5);
  const table x = random_table(3, 5, 2), w = random_table(3, 2, 3, 0.25, 1);
  routing<B> r = routing_of<B>(table(3, 2, 0.5), {0, 1, 1, no_choice, 1, 0});
  r.visible = std::make_shared<const std::vector<id_type>>(std::vector<id_type>{2, 0});
  r.weights = variable<B>(put<B>(w));
  r.pairs = sort_by_expert(r.chosen, r.experts);
  const layer_shape shape;
  const place<B> at{context<B>{}, shape};
  const variable<B> rows(put<B>(x));
  const table y = get(body(at, rows, r, own_bank<B>{bank}).value());
  CHECK(difference(y, experts(x, {{2, 0}, {0, no_choice}, {0, 2}}, w, {0, 3, 4, 8}, get(bank.w_in().value()),
                              get(bank.w_out().value()), activation)) < 1e-5);

  const std::vector<index_t> one{4};
  const expert_bank<B> alone = body.make_weights(builder<B>(1), pool_shape{one, 5, 0.5});
  CHECK(difference(get(body.dense(context<B>{}, rows, alone).value()),
                   experts(x, std::vector<std::vector<id_type>>(3, {0}), table{}, {0, 4}, get(alone.w_in().value()),
                           get(alone.w_out().value()), activation)) < 1e-5);
}

}  // namespace

TEST_CASE_TEMPLATE("moe/body/feed_forward: the weighted sum of the chosen experts, and one alone", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  check_body<B>(relu_expert{}, [](double a) { return std::max(a, 0.0); });
  check_body<B>(gelu_expert{}, gelu);
  check_body<B>(silu_expert{}, silu);
  CHECK(relu_expert::slope_from_output);
  CHECK_FALSE(gelu_expert::slope_from_output);
}
