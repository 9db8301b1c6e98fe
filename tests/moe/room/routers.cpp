// Room for other routers: one that serves several layers, one that carries its own state.
#include <doctest/doctest.h>

#include <set>

#include "moe_checks.hpp"

using namespace gmoe;
using gmoe_test::text;
using B = gmoe_test::model_backend;

namespace {

/// One linear router for every `layers` mixtures (PathMoE, Gu et al. 2026); for all of them it is Omni-Router (2025).
struct linear_router_for {
  using slot = slots::router;
  index_t layers = 2;
  static constexpr auto fields =
      std::tuple{field{"layers", &linear_router_for::layers, "mixtures that share a router", at_least(1)}};

  template <class Backend>
  struct shared {
    parameter<Backend> gate;
  };
  template <class Backend>
  shared<Backend> make_shared(const builder<Backend>& make, const layer_shape& l) const {
    return {make.linear("gate", l.experts, l.d_model)};
  }
  index_t group(index_t layer) const { return layer / layers; }
  template <class Backend>
  variable<Backend> logits(const place<Backend>& at, const variable<Backend>& x, const auto& my) const {
    return matmul(x, at.use(my.shared.gate), op::transpose);
  }
};

/// Any router with the parts that it has per layer shared by two layers each; what all layers share stays so.
template <class Router>
struct pairwise {
  using slot = slots::router;
  Router of{};

  template <class Backend>
  using inner = kept<Router, Backend, relu_expert>;
  template <class Backend>
  using layer = nothing;
  template <class Backend>
  struct shared {
    typename inner<Backend>::shared common;
    std::vector<typename inner<Backend>::layer> heads;
  };
  template <class Backend>
  shared<Backend> make_shared(const builder<Backend>& make, const layer_shape& l) const {
    shared<Backend> s{of.make_shared(make, l), {}};
    for (index_t i = 0; i < l.moe_layers; i += 2) s.heads.push_back(of.make_layer(make.scope("head", i / 2), l));
    return s;
  }
  template <class Backend>
  variable<Backend> logits(const place<Backend>& at, const variable<Backend>& x, const auto& my) const {
    const auto& head = my.shared.heads[static_cast<std::size_t>(at.layer.moe_layer / 2)];
    using carried = std::remove_reference_t<decltype(my.carried)>;
    return of.logits(at, x,
                     own<const typename inner<Backend>::layer, const typename inner<Backend>::shared, carried>{
                         head, my.shared.common, my.carried});
  }
};

/// RMoE (Qiu et al. 2024) in short: a plain recurrent cell of width d over depth, one for all layers.
struct own_recurrent_router {
  using slot = slots::router;
  template <class Backend>
  struct shared {
    parameter<Backend> w, u;
  };
  template <class Backend>
  struct layer {
    parameter<Backend> head;
  };
  template <class Backend>
  struct carried {
    variable<Backend> h;
  };
  template <class Backend>
  shared<Backend> make_shared(const builder<Backend>& make, const layer_shape& l) const {
    return {make.linear("cell.w", l.d_model, l.d_model), make.linear("cell.u", l.d_model, l.d_model)};
  }
  template <class Backend>
  layer<Backend> make_layer(const builder<Backend>& make, const layer_shape& l) const {
    return {make.linear("head", l.experts, l.d_model)};
  }
  template <class Backend>
  variable<Backend> logits(const place<Backend>& at, const variable<Backend>& x, const auto& my) const {
    variable<Backend>& h = my.carried.h;
    variable<Backend> a = matmul(x, at.use(my.shared.w), op::transpose);
    if (h) a = add(a, matmul(h, at.use(my.shared.u), op::transpose));
    h = tanh(a);
    return matmul(h, at.use(my.layer.head), op::transpose);
  }
};

/// A student's whole router: no state, nothing shared.
struct scaled_router {
  using slot = slots::router;
  template <class Backend>
  struct layer {
    parameter<Backend> gate;
  };
  template <class Backend>
  layer<Backend> make_layer(const builder<Backend>& make, const layer_shape& l) const {
    return {make.linear("gate", l.experts, l.d_model)};
  }
  template <class Backend>
  variable<Backend> logits(const place<Backend>& at, const variable<Backend>& x, const auto& my) const {
    return scale(matmul(normalize_lengths(x), at.use(my.layer.gate), op::transpose), 4);
  }
};

template <class Card>
void check_differences(sizes s = gmoe_test::small_sizes(), Card card = gmoe_test::small_card<Card>()) {
  s.d_model = 4;
  s.d_ff = 6;
  language_model<Card, B> model(s, card);
  gmoe_test::randomise(model, 6);
  const gradient_report r = gmoe_test::differences(model, text(2, 4, s.vocab), true);
  INFO(r.where);
  CHECK(r.worst < 1e-7);
}

}  // namespace

TEST_CASE("moe/room: a router that serves blocks of layers") {
  sizes s = gmoe_test::small_sizes();
  s.layers = 5;
  using card = with<smoe_card, linear_router_for>;
  language_model<card, B> model(s);
  const auto router = [&](auto& m, index_t l) -> auto& { return m.moe().template mine<slots::router>(l).shared.gate; };
  CHECK(&router(model, 0) == &router(model, 1));
  CHECK(&router(model, 1) != &router(model, 2));
  CHECK(&router(model, 2) == &router(model, 3));
  CHECK(&router(model, 3) != &router(model, 4));
  std::set<std::string> names;
  for (parameter<B>* p : model.parameters()) CHECK(names.insert(p->name()).second);  // each once, whoever shares it
  std::string routers;
  for (const std::string& name : names)
    if (name.starts_with("router.")) routers += name + " ";
  CHECK(routers == "router.gate router.group.1.gate router.group.2.gate ");
  check_differences<card>(s);
  check_differences<card>(gmoe_test::small_sizes(), {.router = {.layers = 1000}});  // one for all

  // With one mixture sharing is nothing.
  s.layers = 1;
  language_model<card, B> one(s);
  language_model<smoe_card, B> standard(s);
  gmoe_test::randomise(one);
  gmoe_test::randomise(standard);
  standard.moe().mine<slots::router>(0).layer.gate.value() = router(one, 0).value().clone();
  CHECK(gmoe_test::losses_of(one, text(2, 5, 11), true).total.value().item() ==
        gmoe_test::losses_of(standard, text(2, 5, 11), true).total.value().item());
}

TEST_CASE("moe/room: a shared head for GMoE's recurrent router") {
  using card = with<gmoe_no_logits_card, pairwise<answer<gmoe_no_logits_card, slots::router>>>;
  language_model<card, B> model(gmoe_test::small_sizes());
  std::string heads, cells;
  for (parameter<B>* p : model.parameters()) {
    if (p->name().ends_with("gate_head")) heads += p->name() + " ";
    if (p->name().ends_with("weight_ih")) cells += p->name() + " ";
  }
  CHECK(heads == "router.head.0.gate_head router.head.1.gate_head ");
  CHECK(cells == "router.gru.weight_ih ");
  check_differences<card>();
}

TEST_CASE("moe/room: a recurrent router of one's own") {
  check_differences<with<gmoe_card, own_recurrent_router>>();
  check_differences<with<smoe_card, own_recurrent_router, every_second_block>>();
}

TEST_CASE("moe/room: a stateless router of one's own") { check_differences<with<switch_card, scaled_router>>(); }

namespace {
struct skipping_router {
  using slot = slots::router;
  linear_router_for of{};
  index_t group(index_t layer) const { return 2 * layer; }
};
}  // namespace

TEST_CASE("moe/room: groups of layers without a gap") {
  CHECK(gmoe_test::config_message([] {
          moe_stack<with<smoe_card, skipping_router>, B> moe(gmoe_test::small_sizes());
        }) == "groups of layers are numbered from 0 as they come, but layer 1 asks for group 2 where there are 1");
}
