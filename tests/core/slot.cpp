#include "gmoe/core/slot.hpp"

#include <doctest/doctest.h>

#include <concepts>
#include <type_traits>

namespace {

struct all_experts : gmoe::experts_policy {};
struct plain_body : gmoe::body_policy {};
struct nothing_else : gmoe::always_policy {};
struct router_a : gmoe::router_policy {};
struct router_b : gmoe::router_policy {};
struct some_score : gmoe::score_policy {};
template <int K>
struct best : gmoe::select_policy {};
struct unlimited : gmoe::capacity_policy {};
struct some_gate : gmoe::gate_policy {};
struct no_loss : gmoe::balance_policy {};
struct everywhere : gmoe::placement_policy {};
struct plain_dense : gmoe::dense_policy {};

struct card {
  using experts = all_experts;
  using body = plain_body;
  using always = nothing_else;
  using router = router_a;
  using score = some_score;
  using select = best<1>;
  using capacity = unlimited;
  using gate = some_gate;
  using balance = no_loss;
  using placement = everywhere;
  using dense = plain_dense;
};

// Every slot of A and B is the same type, except those named in the test.
template <class A, class B>
constexpr int differences() {
  return !std::same_as<typename A::experts, typename B::experts> + !std::same_as<typename A::body, typename B::body> +
         !std::same_as<typename A::always, typename B::always> + !std::same_as<typename A::router, typename B::router> +
         !std::same_as<typename A::score, typename B::score> + !std::same_as<typename A::select, typename B::select> +
         !std::same_as<typename A::capacity, typename B::capacity> + !std::same_as<typename A::gate, typename B::gate> +
         !std::same_as<typename A::balance, typename B::balance> +
         !std::same_as<typename A::placement, typename B::placement> +
         !std::same_as<typename A::dense, typename B::dense>;
}

}  // namespace

TEST_CASE("core/slot: a policy is a type that says which slot it fills") {
  CHECK(gmoe::policy<router_a>);
  CHECK(gmoe::policy<best<3>>);
  CHECK_FALSE(gmoe::policy<int>);
  CHECK_FALSE(gmoe::policy<card>);
  CHECK(std::same_as<router_a::slot, gmoe::slots::router>);
}

TEST_CASE("core/slot: a complete card passes the check") {
  CHECK(gmoe::check_card<card>());
  CHECK(gmoe::check_card<gmoe::with<card, router_b>>());
}

TEST_CASE("core/slot: with<> replaces the answer that the policy is for, and no other") {
  CHECK(differences<card, gmoe::with<card>>() == 0);

  using other_router = gmoe::with<card, router_b>;
  CHECK(std::same_as<other_router::router, router_b>);
  CHECK(differences<card, other_router>() == 1);

  using two = gmoe::with<card, best<2>, router_b>;
  CHECK(std::same_as<two::router, router_b>);
  CHECK(std::same_as<two::select, best<2>>);
  CHECK(differences<card, two>() == 2);
}

TEST_CASE("core/slot: the order of the policies does not matter") {
  using one = gmoe::with<card, router_b, best<2>>;
  using other = gmoe::with<card, best<2>, router_b>;
  CHECK(differences<one, other>() == 0);
  CHECK(differences<card, one>() == 2);
}

TEST_CASE("core/slot: with<> applies to its own results, the outer one wins") {
  using nested = gmoe::with<gmoe::with<card, router_b, best<2>>, best<3>>;
  CHECK(std::same_as<nested::router, router_b>);
  CHECK(std::same_as<nested::select, best<3>>);
  CHECK(differences<card, gmoe::with<nested, router_a, best<1>>>() == 0);
}

TEST_CASE_TEMPLATE("core/slot: every slot can be replaced", Slot, gmoe::experts_policy, gmoe::body_policy,
                   gmoe::always_policy, gmoe::router_policy, gmoe::score_policy, gmoe::select_policy,
                   gmoe::capacity_policy, gmoe::gate_policy, gmoe::balance_policy, gmoe::placement_policy,
                   gmoe::dense_policy) {
  struct replacement : Slot {};
  using changed = gmoe::with<card, replacement>;
  CHECK(gmoe::check_card<changed>());
  CHECK(differences<card, changed>() == 1);
}
