#include "gmoe/moe/place.hpp"

#include <doctest/doctest.h>

#include <string>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

TEST_CASE_TEMPLATE("moe/place: the pass's context, the layer, and what is found on the way", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  context<B> ctx;
  ctx.training = true;
  ctx.step = 7;
  layer_shape shape;
  shape.moe_layer = 2;
  shape.experts = 5;
  findings<B> found;
  place<B> in_layer{ctx, shape, &found};
  in_layer.block = 4;
  const place<B>& at = in_layer;
  CHECK(at.training);
  CHECK(at.step == 7);
  CHECK(at.layer.experts == 5);
  CHECK_FALSE(at.residual);
  CHECK(at.earlier().empty());
  found.routings.emplace_back().block = 1;
  CHECK(at.earlier().size() == 1);
  CHECK(at.earlier()[0].block == 1);
  found.routings.emplace_back();
  in_layer.up_to = 1;  // of the first layer's balance loss
  CHECK(at.earlier().size() == 1);

  at.add_loss("z_loss", variable<B>(put<B>(table(1, 1, 0.5))));
  at.add_loss("commitment", variable<B>(put<B>(table(1, 1, 0.25))));
  REQUIRE(found.losses.size() == 2);
  CHECK(found.losses[0].name == "z_loss");
  CHECK(found.losses[1].name == "commitment");
  CHECK(found.losses[0].block == 4);
  CHECK(found.losses[0].value.value().item() == 0.5);
  CHECK(refusal([&] { at.add_loss("z_loss", variable<B>(put<B>(table(1, 2, 0.5)))); }) ==
        "the loss 'z_loss' must be 1 x 1");
  CHECK(refusal([&] { at.add_loss("z_loss", {}); }) == "the loss 'z_loss' must be 1 x 1");
  CHECK(found.losses.size() == 2);

  at.add_statistic("load", put<B>(table(1, 3, {1, 2, 3})).clone());
  REQUIRE(found.statistics.size() == 1);
  CHECK(found.statistics[0].name == "load");
  CHECK(found.statistics[0].layer == 2);
  CHECK(get(found.statistics[0].row).values == std::vector<double>{1, 2, 3});
}

TEST_CASE_TEMPLATE("moe/place: outside of a mixture nothing is found", B, GMOE_TEST_MODULE_BACKENDS) {
  const context<B> ctx;
  const layer_shape shape;
  place<B> at{ctx, shape};
  at.block = 3;
  const std::string told = "block 3: there are no findings outside of a mixture";
  CHECK(refusal([&] { at.earlier(); }) == told);
  CHECK(refusal([&] { at.add_loss("z_loss", variable<B>(put<B>(table(1, 1, 0.5)))); }) == told);
  CHECK(refusal([&] { at.add_statistic("load", matrix<B>(1, 1)); }) == told);
}

TEST_CASE_TEMPLATE("moe/place: some rows draw what no other pass of the step draws, no rows nothing", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  context<B> ctx;
  ctx.batch = 2;
  ctx.sequence = 5;
  ctx.first_sample = 4;
  const layer_shape shape;
  const place<B> at{ctx, shape};
  const auto some = at.of_rows(put_ids<B>({1, 3, 8}, 1, 3));
  CHECK(some.batch == 3);
  CHECK(some.stream(random_site::router, 6).first() == at.stream(random_site::router, 20).first());
  const auto none = at.of_rows(id_matrix<B>(1, 0));
  CHECK(none.stream(random_site::router, 0).key() == at.step_stream(random_site::router).key());
}

TEST_CASE_TEMPLATE("moe/place: another round draws other numbers, the first one the usual ones", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  context<B> ctx;
  ctx.random = random_stream(5);
  const layer_shape shape;
  const place<B> at{ctx, shape};
  const auto draw = [](const place<B>& where) { return where.step_stream(random_site::router).uniform(0); };
  CHECK(draw(at.round(0)) == draw(at));
  CHECK(draw(at.round(1)) != draw(at));
  CHECK(draw(at.round(1)) != draw(at.round(2)));
  CHECK(draw(at.round(1)) == draw(at.round(1)));
}
