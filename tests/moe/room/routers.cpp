// Room for other routers: one that serves several layers, one that carries its own state.
#include <doctest/doctest.h>

#include <set>

#include "moe_checks.hpp"

using namespace gmoe;
using gmoe_test::text;
using B = gmoe_test::model_backend;

namespace {

/// One router for every `Layers` mixtures (PathMoE, Gu et al. 2026); for all of them it is Omni-Router (2025).
template <class Router, int Layers>
struct router_for : Router {
  static index_t instance(index_t layer) { return layer / Layers; }
};

/// RMoE (Qiu et al. 2024) in short: a plain recurrent cell of width d over depth, one for all layers.
struct recurrent_router : router_policy {
  template <class Backend>
  struct shared {
    parameter<Backend> w, u;
    shared(const builder<Backend>& make, const sizes& s)
        : w(make.linear("cell.w", s.d_model, s.d_model)), u(make.linear("cell.u", s.d_model, s.d_model)) {}
    void each(auto&& visit) {
      visit(w);
      visit(u);
    }
  };
  template <class Backend>
  struct state {
    variable<Backend> h;
  };
  template <class Backend>
  struct layer {
    parameter<Backend> head;
    layer(const builder<Backend>& make, const sizes& s, const layer_shape& l)
        : head(make.linear("head", l.experts, s.d_model)) {}
    variable<Backend> logits(const context<Backend>& ctx, const variable<Backend>& x, shared<Backend>& cell,
                             state<Backend>& carried) {
      variable<Backend> a = matmul(x, ctx.use(cell.w), op::transpose);
      if (carried.h) a = add(a, matmul(carried.h, ctx.use(cell.u), op::transpose));
      carried.h = tanh(a);
      return matmul(carried.h, ctx.use(head), op::transpose);
    }
    void each(auto&& visit) { visit(head); }
  };
};

/// A student's whole router: no state, nothing shared, nine lines.
struct scaled_router : router_policy {
  template <class Backend>
  struct layer {
    parameter<Backend> gate;
    layer(const builder<Backend>& make, const sizes& s, const layer_shape& l)
        : gate(make.linear("gate", l.experts, s.d_model)) {}
    variable<Backend> logits(const context<Backend>& ctx, const variable<Backend>& x) {
      return scale(matmul(normalize_lengths(x), ctx.use(gate), op::transpose), 4);
    }
    void each(auto&& visit) { visit(gate); }
  };
};

template <class Card>
void check_differences(sizes s = gmoe_test::small_sizes()) {
  s.d_model = 4;
  s.d_ff = 6;
  language_model<Card, B> model(s);
  gmoe_test::randomise(model, 6);
  const gradient_report r = gmoe_test::differences(model, text(2, 4, s.vocab), true);
  INFO(r.where);
  CHECK(r.worst < 1e-7);
}

}  // namespace

TEST_CASE("moe/room: a router that serves blocks of layers") {
  sizes s = gmoe_test::small_sizes();
  s.layers = 5;
  using card = with<smoe_card, router_for<linear_router, 2>>;
  language_model<card, B> model(s);
  CHECK(model.routers().size() == 3);
  CHECK(&model.router_of(0) == &model.router_of(1));
  CHECK(&model.router_of(1) != &model.router_of(2));
  CHECK(&model.router_of(4) == &model.routers()[2]);
  std::set<std::string> names;
  std::size_t gates = 0;
  for (parameter<B>* p : model.parameters()) {
    CHECK(names.insert(p->name()).second);  // each once, whoever shares it
    gates += p->name().starts_with("router.");
  }
  CHECK(gates == 3);
  check_differences<card>(s);
  check_differences<with<smoe_card, router_for<linear_router, 1000>>>();  // one for all

  // With one mixture sharing is nothing.
  s.layers = 1;
  language_model<with<smoe_card, router_for<linear_router, 1000>>, B> one(s);
  language_model<smoe_card, B> standard(s);
  gmoe_test::randomise(one);
  gmoe_test::randomise(standard);
  CHECK(gmoe_test::losses_of(one, text(2, 5, 11), true).total.value().item() ==
        gmoe_test::losses_of(standard, text(2, 5, 11), true).total.value().item());
}

TEST_CASE("moe/room: a shared head for GMoE's recurrent router") {
  check_differences<with<gmoe_no_logits_card, router_for<gmoe_no_logits_card::router, 2>>>();
}

TEST_CASE("moe/room: a recurrent router of one's own") {
  check_differences<with<gmoe_card, recurrent_router>>();
  check_differences<with<smoe_card, recurrent_router, every_second_block<>>>();
}

TEST_CASE("moe/room: a stateless router of one's own") { check_differences<with<switch_card, scaled_router>>(); }

namespace {
struct skipping_router : linear_router {
  static index_t instance(index_t layer) { return 2 * layer; }
};
}  // namespace

TEST_CASE("moe/room: router instances without a gap") {
  CHECK(gmoe_test::config_message([] {
          language_model<with<smoe_card, skipping_router>, B> model(gmoe_test::small_sizes());
        }) == "the router's instance numbers must grow by one, layer 1 asks for instance 2");
}
