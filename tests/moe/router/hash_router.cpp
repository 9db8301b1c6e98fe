#include "gmoe/moe/router/hash_router.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "gmoe/model/cards.hpp"
#include "gmoe/model/language_model.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {
sizes five_ids() {
  sizes s;
  s.vocab = 5;
  s.experts = 3;
  return s;
}
}  // namespace

TEST_CASE_TEMPLATE("moe/router/hash_router: the token's id decides", B, GMOE_TEST_BACKENDS) {
  const sizes s = five_ids();
  const builder<B> make(1);
  hash_router::shared<B> table_of_ids(make, s);
  hash_router::layer<B> layer(make, s, layer_shape{0, 0, 1, 3});
  context<B> ctx;
  ctx.tokens = put_ids<B>({0, 1, 2, 3, 4, 3}, 1, 6);
  const variable<B> x(put<B>(random_table(6, 2, 1)));
  CHECK(get(layer.logits(ctx, x, table_of_ids).value()).values ==
        std::vector<double>{1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 1, 0, 0});  // id mod 3
  table_of_ids.assign(std::vector<id_type>{2, 2, 0, 1, 2});
  CHECK(get(layer.logits(ctx, x, table_of_ids).value()).values ==
        std::vector<double>{0, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0});
  ctx.tokens = put_ids<B>({0}, 1, 1);
  CHECK(refusal([&] { layer.logits(ctx, x, table_of_ids); }) ==
        "hash_router: 1 token ids for 6 tokens; hashing needs the ids in the context");
}

TEST_CASE_TEMPLATE("moe/router/hash_router: tables that do not fit", B, GMOE_TEST_BACKENDS) {
  hash_router::shared<B> table_of_ids(builder<B>(1), five_ids());
  const auto assign = [&](std::vector<id_type> t) { return refusal([&] { table_of_ids.assign(t); }); };
  CHECK(assign({0, 1}) == "hash_router: 2 entries for a vocabulary of 5");
  CHECK(assign({0, 1, 2, 3, 0}) == "hash_router: token 3 is given expert 3, expected 0 to 2");
  CHECK(assign({0, -1, 2, 2, 0}) == "hash_router: token 1 is given expert -1, expected 0 to 2");
  CHECK_THROWS_AS(table_of_ids.balance(std::vector<std::int64_t>{1, 2}), config_error);
  CHECK(refusal([] {
          hash_router::layer<B>(builder<B>(1), five_ids(), layer_shape{2, 1, 2, 6});
        }) == "hash_router: block 2 sees 6 experts, but the table is made for experts = 3");
}

TEST_CASE_TEMPLATE("moe/router/hash_router: the table is saved with the model and not trained", B, GMOE_TEST_BACKENDS) {
  sizes s = five_ids();
  s.d_model = 8;
  s.d_ff = 8;
  s.heads = 2;
  language_model<hash_card, B> model(s), other(s);
  model.router_shared().balance(std::vector<std::int64_t>{1, 8, 4, 2, 9});
  for (parameter<B>* p : model.parameters()) CHECK(p->name().find("bucket") == std::string::npos);
  int buffers = 0;
  model.each_buffer([&](const std::string& name, matrix<B>& saved) {
    ++buffers;
    CHECK(name == "router.bucket");
    CHECK((saved.rows() == 5 && saved.cols() == 1));
    // What a checkpoint does: write the bytes over the buffer of an equal model.
    other.each_buffer([&](const std::string& its_name, matrix<B>& loaded) {
      CHECK(its_name == name);
      const auto bytes = saved.to_host();
      B::upload(loaded.data(), bytes.data(), bytes.size() * sizeof(bytes[0]));
    });
  });
  CHECK(buffers == 1);
  const auto choose = [&](language_model<hash_card, B>& m) {
    batch<B> data;
    const std::vector<id_type> ids{0, 1, 2, 3, 4, 0};
    data.assign(ids, {}, 2, 5);
    context<B> ctx;
    m.read(ctx, data);
    m.hidden(ctx);
    return m.routings().back().chosen.to_host();
  };
  CHECK(choose(model) == std::vector<id_type>{2, 1, 2, 2, 0, 2});  // 4 -> 0, 1 -> 1, 2, 3 and 0 -> 2
  CHECK(choose(other) == choose(model));
}

TEST_CASE("moe/router/hash_router: a table from a file must name experts") {
  using B = GMOE_TEST_BACKEND<float>;
  sizes s = five_ids();
  s.d_model = s.d_ff = 8;
  s.heads = 2;
  const language_model<hash_card, B> model(s);
  const auto check = [&](std::vector<float> table) {
    model.check_buffer("router.bucket", std::span<const float>(table));
  };
  const auto told = [&](float bad) {
    try {
      check({0, 1, bad, 2, 0});
    } catch (const data_error& e) {
      return std::string(e.what());
    }
    return std::string("nothing");
  };
  CHECK(told(2) == "nothing");
  for (const auto& [value, text] : {std::pair{-5.0f, "-5"}, {3.0f, "3"}, {1e9f, "1e+09"}, {0.5f, "0.5"}})
    CHECK(told(value) ==
          "router.bucket: token 2 is given expert " + std::string(text) + ", expected a whole number from 0 to 2");
  CHECK(told(std::numeric_limits<float>::quiet_NaN()).find("expert nan") != std::string::npos);
  CHECK(told(std::numeric_limits<float>::infinity()).find("expert inf") != std::string::npos);
  const std::vector<float> other{-5};
  CHECK_NOTHROW(model.check_buffer("another", std::span<const float>(other)));
}
