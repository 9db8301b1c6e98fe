#include "gmoe/moe/router/hash_router.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "gmoe/model/cards.hpp"
#include "gmoe/model/language_model.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

layer_shape five_ids(index_t experts = 3) {
  layer_shape l;
  l.vocab = 5;
  l.experts = experts;
  return l;
}
using counts = std::vector<std::int64_t>;

}  // namespace

TEST_CASE_TEMPLATE("moe/router/hash_router: the token's id decides", B, GMOE_TEST_MODULE_BACKENDS) {
  policy_alone<B, hash_router> router({}, {five_ids()});
  context<B> ctx;
  ctx.tokens = put_ids<B>({0, 1, 2, 3, 4, 3}, 1, 6);
  const variable<B> x(put<B>(random_table(6, 2, 1)));
  const auto logits = [&] { return get(router.ask(hooks::logits{}, ctx, x).value()).values; };
  CHECK(logits() == std::vector<double>{1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 1, 0, 0});  // id mod 3
  router.mine().shared.assign(std::vector<id_type>{2, 2, 0, 1, 2});
  CHECK(logits() == std::vector<double>{0, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0});
  hash_router{}.prepare(counts{1, 8, 4, 2, 9}, router.mine());  // 4 -> 0, 1 -> 1, 2, 3 and 0 -> 2
  CHECK(logits() == std::vector<double>{0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1});
  ctx.tokens = put_ids<B>({0}, 1, 1);
  CHECK(refusal([&] { logits(); }) == "hash_router: 1 token ids for 6 tokens; hashing needs the ids in the context");
}

TEST_CASE_TEMPLATE("moe/router/hash_router: tables that do not fit", B, GMOE_TEST_MODULE_BACKENDS) {
  policy_alone<B, hash_router> router({}, {five_ids()});
  const auto assign = [&](std::vector<id_type> t) { return refusal([&] { router.mine().shared.assign(t); }); };
  CHECK(assign({0, 1}) == "hash_router: 2 entries for a vocabulary of 5");
  CHECK(assign({0, 1, 2, 3, 0}) == "hash_router: token 3 is given expert 3, expected 0 to 2");
  CHECK(assign({0, -1, 2, 2, 0}) == "hash_router: token 1 is given expert -1, expected 0 to 2");
  CHECK(refusal([&] {
          hash_router{}.prepare(counts{1, 2}, router.mine());
        }) == "hash_router: 2 entries for a vocabulary of 5");
  policy_alone<B, hash_router> pools({}, {five_ids(), five_ids(6)});
  context<B> ctx;
  ctx.tokens = put_ids<B>({0, 1}, 1, 2);
  pools.shapes[1].block = 2;
  const variable<B> x(put<B>(random_table(2, 2, 1)));
  CHECK_NOTHROW(pools.ask_in(hooks::logits{}, 0, ctx, x));
  CHECK(refusal([&] { pools.ask_in(hooks::logits{}, 1, ctx, x); }) ==
        "hash_router: block 2 sees 6 experts, but the table is made for 3");
}

TEST_CASE_TEMPLATE("moe/router/hash_router: the table is saved with the model and not trained", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  sizes s = five_ids();
  s.d_model = 8;
  s.d_ff = 8;
  s.heads = 2;
  language_model<hash_card, B> model(s), other(s);
  CHECK(model.needs_preparation());
  model.prepare(counts{1, 8, 4, 2, 9});
  CHECK_FALSE(model.needs_preparation());
  for (parameter<B>* p : model.parameters()) CHECK(p->name().find("bucket") == std::string::npos);
  int buffers = 0;
  model.each_buffer([&](buffer<B>& saved) {
    ++buffers;
    CHECK(saved.name() == "router.bucket");
    CHECK(saved.choices() == 3);
    CHECK((saved.value().rows() == 5 && saved.value().cols() == 1));
    // What a checkpoint does: write the bytes over the buffer of an equal model.
    other.each_buffer([&](buffer<B>& loaded) {
      CHECK(loaded.name() == saved.name());
      const auto bytes = saved.value().to_host();
      B::upload(loaded.value().data(), bytes.data(), bytes.size() * sizeof(bytes[0]));
    });
  });
  CHECK(buffers == 1);
  const auto choose = [&](const language_model<hash_card, B>& m) {
    batch<B> data;
    const std::vector<id_type> ids{0, 1, 2, 3, 4, 0};
    data.assign(ids, {}, 2, 5);
    auto pass = m.begin(m.reading({}, data));
    m.hidden(pass);
    return pass.found().routings.back().chosen.to_host();
  };
  CHECK(choose(model) == std::vector<id_type>{2, 1, 2, 2, 0, 2});  // 4 -> 0, 1 -> 1, 2, 3 and 0 -> 2
  CHECK(choose(other) == choose(model));
}
