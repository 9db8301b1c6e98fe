#include "gmoe/moe/bank.hpp"

#include <doctest/doctest.h>

#include "gmoe/moe/body/feed_forward.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/bank: experts of any widths, one after the other", B, GMOE_TEST_MODULE_BACKENDS) {
  expert_bank<B> bank(builder<B>(1).scope("experts"), 4, {3, 1, 5}, 0.5);
  CHECK(bank.experts() == 3);
  CHECK(bank.first_unit(2) == 4);
  CHECK(bank.units(2) == 5);
  CHECK(bank.size(1) == 8);
  CHECK(bank.w_in().name() == "experts.w_in");
  CHECK((bank.w_in().rows() == 9 && bank.w_in().cols() == 4));
  CHECK((bank.w_out().rows() == 9 && bank.w_out().cols() == 4));
  const std::vector<id_type> visible{1, 0};
  const expert_layout<B> layout = bank.layout(visible);
  CHECK(layout.experts == 2);
  CHECK(layout.widest == 3);  // among those that the layer sees
  const auto view = layout.over(bank.w_in().value().view(), bank.w_out().value().view());
  CHECK(view.begin(0) == 3);
  CHECK(view.units(0) == 1);
  CHECK(view.units(1) == 3);
}

TEST_CASE_TEMPLATE("moe/bank: a dense layer with an expert's body", B, GMOE_TEST_MODULE_BACKENDS) {
  const auto dense = dense_expert<B, gelu_expert>::make(builder<B>(1), gelu_expert{}, 4, 7, 0.5);
  CHECK(dense.weights.w_in().name() == "w_in");
  const table x = random_table(5, 4, 2);
  CHECK(difference(get(dense(context<B>{}, variable<B>(put<B>(x))).value()),
                   experts(x, std::vector<std::vector<id_type>>(5, {0}), table{}, {0, 7},
                           get(dense.weights.w_in().value()), get(dense.weights.w_out().value()), gmoe_test::gelu)) <
        1e-5);
}
