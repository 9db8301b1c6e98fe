#include "gmoe/moe/step_statistics.hpp"

#include <doctest/doctest.h>

#include <string>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

template <class B>
findings<B> pass_of(std::vector<id_type> first, std::vector<id_type> second, table row) {
  findings<B> found;
  found.routings.reserve(2);
  const auto tokens = static_cast<index_t>(first.size()) / 2;
  found.routings.push_back(routing_of<B>(table(tokens, 3, 0.3), first));
  found.routings.push_back(routing_of<B>(table(tokens, 3, 0.3), second));
  found.routings[1].layer = 1;
  found.statistics.push_back({"scores", 1, put<B>(row).clone()});
  return found;
}

}  // namespace

TEST_CASE_TEMPLATE("moe/step_statistics: sums over all passes, layer by layer", B, GMOE_TEST_MODULE_BACKENDS) {
  step_statistics<B> all;
  CHECK(all.empty());
  all.add(pass_of<B>({0, 1, 0, 2}, {2, 1, 2, no_choice}, table(1, 2, {0.5, 1})));
  all.add(pass_of<B>({0, 1, 0, 2, 1, 2}, {0, 1, 1, 0, 2, no_choice}, table(1, 2, {0.25, 2})));
  CHECK_FALSE(all.empty());
  const layer_statistics<B> first = all.of(0, 3), second = all.of(1, 3);
  CHECK(first.passes == 2);
  CHECK(first.tokens == 5);
  CHECK(first.pairs == 10);
  CHECK(first.load == std::vector<index_t>{4, 3, 3});
  CHECK(second.passes == 2);
  CHECK(second.tokens == 5);
  CHECK(second.pairs == 8);  // an empty slot is no pair
  CHECK(second.load == std::vector<index_t>{2, 3, 3});
  CHECK(second.row("scores") == std::vector<double>{0.75, 3});
  CHECK(first.rows.empty());
  CHECK(refusal([&] { first.row("scores"); }) == "no pass of the step has added the statistic 'scores'");
  all.clear();
  CHECK(all.empty());
  CHECK(all.of(0, 3).load == std::vector<index_t>{0, 0, 0});
  CHECK(all.of(1, 3).rows.empty());
}

TEST_CASE_TEMPLATE("moe/step_statistics: dropped pairs count as well", B, GMOE_TEST_MODULE_BACKENDS) {
  findings<B> found = pass_of<B>({0, 1, 0, 2}, {2, 1, 2, 0}, table(1, 1, 0.0));
  found.routings[0].kept = put_ids<B>(std::vector<id_type>(4, no_choice), 2, 2).clone();
  step_statistics<B> all;
  all.add(found);
  CHECK(all.of(0, 3).load == std::vector<index_t>{2, 1, 1});
}

TEST_CASE_TEMPLATE("moe/step_statistics: rows of one name have one width", B, GMOE_TEST_MODULE_BACKENDS) {
  step_statistics<B> all;
  all.add(pass_of<B>({0, 1}, {2, 1}, table(1, 2, 1.0)));
  all.add(pass_of<B>({0, 1}, {2, 1}, table(1, 3, 1.0)));
  CHECK(refusal([&] { all.of(1, 3); }) == "the statistic 'scores' has 3 numbers in one pass and 2 in another");
  CHECK_NOTHROW(all.of(0, 3));
}
