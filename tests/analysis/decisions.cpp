#include "gmoe/analysis/decisions.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "hand_made.hpp"

using gmoe::no_choice;
using gmoe::routing_decisions;
using hand_made::ids;
using scores = std::vector<double>;

TEST_CASE("analysis/decisions: batches follow each other and rows are normalised") {
  routing_decisions d(4);
  CHECK(d.add_layer(1, 3, 2) == 0);
  CHECK(d.add_layer(3, 2, 1) == 1);
  CHECK(d.tokens() == 0);
  d.append(0, scores{1, 2, 1}, ids{1, 2}, 1);
  CHECK_THROWS_AS(d.tokens(), gmoe::data_error);  // layer 1 has not been told yet
  d.append(1, std::vector<float>{0.25f, 0.75f}, ids{1});
  d.append(0, scores{5, 0, 5, 0, 0, 0}, ids{2, no_choice, no_choice, 0}, 2);
  d.append(1, std::vector<float>{0.5f, 0.5f, 1.0f, 0.0f}, ids{0, 0});
  CHECK(d.layers() == 2);
  CHECK(d.tokens() == 3);
  CHECK(d.sequence_length() == 4);
  CHECK(d.block(1) == 3);
  CHECK(d.experts(0) == 3);
  CHECK(d.slots(0) == 2);
  CHECK(d.dropped(0) == 3);
  CHECK(d.scored(0));
  const auto p = d.probabilities(0);
  CHECK(scores(p.begin(), p.end()) == scores{0.25, 0.5, 0.25, 0.5, 0, 0.5, 1.0 / 3, 1.0 / 3, 1.0 / 3});
  CHECK(ids(d.top1(0).begin(), d.top1(0).end()) == ids{1, 0, 0});  // ties go to the lower id
  CHECK(ids(d.top1(1).begin(), d.top1(1).end()) == ids{1, 0, 0});
  const auto last = d.ids(0, 2);
  CHECK(ids(last.begin(), last.end()) == ids{no_choice, 0});
}

TEST_CASE("analysis/decisions: private pools get fresh global ids, shared pools repeat theirs") {
  routing_decisions d;
  d.add_layer(0, 2, 1, {7, 5});
  d.add_layer(1, 3, 1);
  d.add_layer(2, 2, 1);
  CHECK(ids(d.global_ids(0).begin(), d.global_ids(0).end()) == ids{7, 5});
  CHECK(ids(d.global_ids(1).begin(), d.global_ids(1).end()) == ids{8, 9, 10});
  CHECK(ids(d.global_ids(2).begin(), d.global_ids(2).end()) == ids{11, 12});
}

TEST_CASE("analysis/decisions: routers without scores decide by their first expert") {
  routing_decisions d;
  d.add_layer(0, 4, 2);
  d.append_unscored(0, ids{3, 1, no_choice, 2});
  CHECK_FALSE(d.scored(0));
  CHECK(ids(d.top1(0).begin(), d.top1(0).end()) == ids{3, 2});
  CHECK_THROWS_AS(d.append_unscored(0, ids{no_choice, no_choice}), gmoe::data_error);
  CHECK_THROWS_AS(d.append(0, scores{1, 0, 0, 0}, ids{0, 1}), gmoe::data_error);  // scores or not, for good
  CHECK(d.tokens() == 2);
  d.append_unscored(0, ids{no_choice, 0}, 1);
  CHECK(ids(d.top1(0).begin(), d.top1(0).end()) == ids{3, 2, 0});
  CHECK(d.tokens() == 3);
  CHECK(d.dropped(0) == 1);
  routing_decisions scored;
  scored.add_layer(0, 2, 1);
  scored.append(0, scores{1, 0}, ids{0});
  CHECK_THROWS_AS(scored.append_unscored(0, ids{0}), gmoe::data_error);
}

TEST_CASE("analysis/decisions: what does not fit is refused and leaves nothing behind") {
  CHECK_THROWS_AS(routing_decisions(-1), gmoe::config_error);
  routing_decisions d;
  CHECK_THROWS_AS(d.add_layer(-1, 2, 1), gmoe::config_error);
  CHECK_THROWS_AS(d.add_layer(0, 0, 1), gmoe::config_error);
  CHECK_THROWS_AS(d.add_layer(0, 2, 3), gmoe::config_error);
  CHECK_THROWS_AS(d.add_layer(0, 2, 1, {1}), gmoe::config_error);
  CHECK_THROWS_AS(d.add_layer(0, 2, 1, {1, 1}), gmoe::config_error);
  CHECK_THROWS_AS(d.add_layer(0, 2, 1, {-1, 1}), gmoe::config_error);
  CHECK(d.layers() == 0);
  d.add_layer(2, 2, 2);
  CHECK_THROWS_AS(d.add_layer(2, 2, 1), gmoe::config_error);
  CHECK_THROWS_AS(d.append(1, scores{1, 1}, ids{0, 1}), gmoe::config_error);
  CHECK_THROWS_AS(d.append(0, scores{1, 1}, ids{0}), gmoe::config_error);
  CHECK_THROWS_AS(d.append(0, scores{1}, ids{0, 1}), gmoe::config_error);
  CHECK_THROWS_AS(d.append(0, scores{1, 1}, ids{0, 1}, -1), gmoe::config_error);
  CHECK_THROWS_AS(d.append(0, scores{1, 1}, ids{0, 2}), gmoe::data_error);
  CHECK_THROWS_AS(d.append(0, scores{1, 1}, ids{1, 1}), gmoe::data_error);
  CHECK_THROWS_AS(d.append(0, scores{1, -0.5}, ids{0, 1}), gmoe::data_error);
  CHECK_THROWS_AS(d.append(0, scores{1, std::nan("")}, ids{0, 1}), gmoe::data_error);
  CHECK_THROWS_AS(d.append(0, scores{1, std::numeric_limits<double>::infinity()}, ids{0, 1}), gmoe::data_error);
  CHECK(d.tokens() == 0);
  CHECK_THROWS_WITH_AS(gmoe::detail::some_tokens(d, "x"), "x: there are no tokens to measure", gmoe::data_error);
  CHECK_THROWS_AS(gmoe::detail::some_tokens(routing_decisions(), "x"), gmoe::data_error);
}
