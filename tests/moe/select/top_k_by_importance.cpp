#include "gmoe/moe/select/top_k_by_importance.hpp"

#include <doctest/doctest.h>

#include <array>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

template <class B>
std::vector<id_type> of_importance(const table& told, const table& mask = {}, index_t block = 0) {
  routing<B> r;
  r.experts = 3;
  table scores(told.rows, 3);
  for (index_t t = 0; t < told.rows; ++t)
    for (index_t e = 0; e < 3; ++e) scores(t, e) = std::array{0.2, 0.5, 0.3}[static_cast<std::size_t>(e)];
  r.scores = variable<B>(put<B>(scores));
  if (mask.rows > 0) r.mask = put<B>(mask);
  policy_alone<B, top_k_by_importance> select({.k = 3});
  select.found.told = {block, put<B>(told)};
  return select.ask(hooks::choose{}, context<B>{}, r).to_host();
}
constexpr id_type unused_slot = no_choice;
using chosen_ids = std::vector<id_type>;

}  // namespace

TEST_CASE_TEMPLATE("moe/select/top_k_by_importance: 3 a, rounded, at least one", B, GMOE_TEST_MODULE_BACKENDS) {
  CHECK(of_importance<B>(table(5, 1, {0, 0.49, 0.51, 0.83, 0.84})) ==
        chosen_ids{1, unused_slot, unused_slot, 1, unused_slot, unused_slot, 1, 2, unused_slot, 1, 2, unused_slot, 1, 2,
                   0});
  CHECK(of_importance<B>(table(2, 1, {0.5, 1})) ==
        chosen_ids{1, unused_slot, unused_slot, 1, 2, 0});  // 1.5 is rounded down
  // Among those that may be asked.
  CHECK(of_importance<B>(table(2, 1, {1, 0.6}), table(1, 3, {1, 0, 1})) ==
        chosen_ids{2, 0, unused_slot, 2, 0, unused_slot});
  CHECK(of_importance<B>(table(1, 1, {1}), table(1, 3, {0, 0, 0})) ==
        chosen_ids{unused_slot, unused_slot, unused_slot});
}

TEST_CASE_TEMPLATE("moe/select/top_k_by_importance: the same importance for all is top_k", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  const auto scores = random_table(6, 5, 4, 0, 1);
  routing<B> r = routing_of<B>(scores, chosen_ids(6, 0));
  policy_alone<B, top_k_by_importance> select({.k = 3});
  select.found.told = {0, matrix<B>::filled(6, 1, 1)};
  CHECK(select.ask(hooks::choose{}, context<B>{}, r).to_host() == choose_top_k(r.scores.value(), 3).to_host());
}

TEST_CASE_TEMPLATE("moe/select/top_k_by_importance: who has told nothing", B, GMOE_TEST_MODULE_BACKENDS) {
  CHECK(refusal([] {
          of_importance<B>(table(2, 1, {1, 1}), {}, 3);
        }) == "block 0: the mixture asks how important tokens are, but no attention of the block has told it");
  routing<B> r = routing_of<B>(random_table(4, 3, 4, 0, 1), chosen_ids(4, 0));
  policy_alone<B, top_k_by_importance> select({.k = 2});
  select.found.told = {0, matrix<B>::filled(6, 1, 1)};
  CHECK(refusal([&] { select.ask(hooks::choose{}, context<B>{}, r); }) ==
        "block 0: attention told how important 6 tokens are, but the mixture routes 4 rows");
}
