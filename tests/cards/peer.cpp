// Experts of one hidden unit, found by the best halves of their keys, against their equations.
#include "cards/peer.hpp"
#include "cards/check.hpp"

using namespace gmoe_test;

TEST_CASE("cards/peer: its equations, differences, reading; heads may choose the same expert") {
  card_case c{.card = "peer"};
  c.shape.experts = 12;  // 3 x 4
  peer_equations usual;
  usual.first = 3;
  usual.second = 4;
  check_equations(c, usual);
  c.set = {{"select.k", "5"}, {"form.heads", "3"}, {"router.of.half", "3"}};
  peer_equations more = usual;
  more.k = 5;
  more.heads = 3;
  more.half = 3;
  const auto found = check_equations(c, more);
  CHECK(found.routings.size() == 9);
  bool same = false;
  for (const id_type a : found.routings[0].chosen.to_host())
    for (const id_type b : found.routings[1].chosen.to_host()) same = same || a == b;
  CHECK(same);
  c.training = false;
  check_equations(c, more);
  check_reading(c);
  card_case small{.card = "peer", .set = {{"router.of.half", "2"}}, .batch = 1, .sequence = 4};
  small.shape.layers = 1;
  check_gradients(small);
}

TEST_CASE("cards/peer: everybody, a number of experts without divisors, one unit") {
  card_case c{.card = "peer", .set = {{"select.k", "7"}}};
  c.shape.experts = 7;  // 1 x 7
  peer_equations line;
  line.first = 1;
  line.second = line.k = 7;
  check_equations(c, line);
  c.shape.experts = 1;
  c.set = {{"select.k", "1"}};
  line.second = line.k = 1;
  for (const auto& r : check_equations(c, line).routings)
    for (const double w : r.weights.value().to_host()) CHECK(w == doctest::Approx(1));
}
