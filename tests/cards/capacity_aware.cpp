// Full experts keep the pairs that come first by an order; the others are dropped or ask on.
#include "cards/capacity_aware.hpp"
#include "cards/choosing.hpp"

using namespace gmoe_test;

TEST_CASE("cards/capacity-aware: every order, with and without asking on") {
  card_case c{.card = "capacity-aware"};
  check_equations(c, capacity_equations{});
  check_reading(c);
  check_looks_ahead_in_training_alone({.card = "capacity-aware", .set = {{"capacity.factor", "0.6"}}});
  for (const char* order : {"earlier", "random", "better"})
    for (const bool ask_on : {true, false})
      for (const double factor : {0.6, 1.0}) {
        CAPTURE(order);
        CAPTURE(ask_on);
        c.set = {{"capacity.factor", std::to_string(factor)},
                 {"capacity.order", order},
                 {"capacity.overflow", ask_on ? "next_best" : "drop"}};
        capacity_equations equations;
        equations.factor = factor;
        equations.order = order;
        equations.ask_on = ask_on;
        const auto found = check_equations(c, equations);
        index_t pairs = 0, slots = 0;
        for (const auto& r : found.routings)
          for (const auto e : r.kept.to_host()) {
            ++slots;
            pairs += e != gmoe::no_choice;
          }
        if (!ask_on || factor < 1) CHECK(pairs < slots);  // somebody was turned away for good
      }
  c.training = false;
  check_equations(c, capacity_equations{});
  c.training = true;
  c.shape.layers = 2;
  check_gradients(c);
}

TEST_CASE("cards/capacity-aware: with room for all it is top-2 with raw weights") {
  check_same({.card = "capacity-aware", .set = {{"capacity.factor", "4"}}},
             {.card = "sigma-tiny", .set = {{"select.until", "0"}, {"select.k", "2"}}});
}
