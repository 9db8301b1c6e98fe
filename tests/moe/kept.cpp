#include "gmoe/moe/kept.hpp"

#include <doctest/doctest.h>

#include <string>

#include "gmoe/moe/body/feed_forward.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

struct keeps_nothing {
  using slot = slots::router;
};
/// Everything that can be kept; layers in groups of two.
struct keeps_all {
  using slot = slots::router;
  template <class B>
  struct layer {
    parameter<B> own;
    buffer<B> bias;
  };
  template <class B>
  struct shared {
    parameter<B> ours;
  };
  template <class B>
  struct carried {
    index_t seen = 0;
  };
  template <class B>
  struct cached {
    index_t read = 10;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.constant("own", 1, l.experts, 0), make.constant_buffer("bias", 1, 1, 0)};
  }
  template <class B>
  shared<B> make_shared(const builder<B>& make, const layer_shape& l) const {
    return {make.constant("ours", 1, l.experts, 0)};
  }
  index_t group(index_t l) const { return l / 2; }

  template <class B>
  std::string logits(const place<B>&, const auto& my) const {
    return my.layer.own.name() + " " + my.shared.ours.name() + " " + std::to_string(my.carried.seen++) + " " +
           std::to_string(my.cached.read++);
  }
};
struct around_alone {
  using slot = slots::router;
  keeps_all of{};
};
struct around_with_own_layer {
  using slot = slots::router;
  keeps_all of{};
  template <class B>
  struct layer {
    parameter<B> mine;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape&) const {
    return {make.constant("mine", 1, 1, 0)};
  }
};
/// The kind of what it keeps depends on what an expert computes.
struct keeps_by_body {
  using slot = slots::always;
  template <class B, class Body>
  struct layer {
    typename Body::template weights<B> weights;
  };
  template <class B, class Body>
  layer<B, Body> make_layer(const builder<B>& make, const layer_shape& l, const Body& body) const {
    const std::vector<index_t> widths{l.d_ff};
    return {body.make_weights(make, pool_shape{widths, l.d_model, 1.0})};
  }
};
struct skips_a_group {
  using slot = slots::router;
  keeps_all of{};
  index_t group(index_t l) const { return l == 0 ? 0 : 5; }
};

/// Names of parameters and, after a bar, of buffers.
template <class B>
std::string names(auto& alone) {
  const kept_list<B> all = alone.all();
  std::string text;
  for (const parameter<B>* p : all.parameters) text += p->name() + " ";
  text += "| ";
  for (const buffer<B>* b : all.buffers) text += b->name() + " ";
  return text;
}

}  // namespace

TEST_CASE_TEMPLATE("moe/kept: who keeps nothing costs nothing", B, GMOE_TEST_MODULE_BACKENDS) {
  using none = kept<keeps_nothing, B, relu_expert>;
  CHECK(none::is_empty);
  CHECK(std::is_same_v<typename none::layer, nothing>);
  CHECK(std::is_same_v<typename none::shared, nothing>);
  CHECK(std::is_same_v<typename none::carried, nothing>);
  CHECK(std::is_same_v<typename none::cached, nothing>);
  policy_alone<B, keeps_nothing> alone({}, {{}, {}});
  CHECK(names<B>(alone) == "| ");
}

TEST_CASE_TEMPLATE("moe/kept: per layer, for groups of layers, and within a pass", B, GMOE_TEST_MODULE_BACKENDS) {
  policy_alone<B, keeps_all> alone({}, {{}, {}, {}});
  CHECK(names<B>(alone) ==
        "own.0.own own.1.own own.2.own group.0.ours group.1.ours | own.0.bias own.1.bias own.2.bias ");
  CHECK(&alone.mine(0).shared == &alone.mine(1).shared);
  CHECK(&alone.mine(1).shared != &alone.mine(2).shared);
  CHECK(&alone.mine(0).layer != &alone.mine(1).layer);
  CHECK(alone.ask_in(hooks::logits{}, 0, context<B>{}) == "own.0.own group.0.ours 0 10");
  CHECK(alone.ask_in(hooks::logits{}, 1, context<B>{}) == "own.1.own group.0.ours 1 11");
  CHECK(alone.ask_in(hooks::logits{}, 2, context<B>{}) == "own.2.own group.1.ours 2 12");
  alone.mine(2).layer.bias.value() = matrix<B>::filled(1, 1, typename B::scalar(4));
  CHECK(get(alone.mine(2).layer.bias.value()).values == std::vector<double>{4});
}

TEST_CASE_TEMPLATE("moe/kept: a wrapper keeps what the policy within keeps, unless it has its own", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  policy_alone<B, around_alone> same({}, {{}, {}, {}});
  CHECK(names<B>(same) ==
        "own.0.own own.1.own own.2.own group.0.ours group.1.ours | own.0.bias own.1.bias own.2.bias ");
  CHECK(same.ask_in(hooks::logits{}, 2, context<B>{}) == "own.2.own group.1.ours 0 10");
  policy_alone<B, around_with_own_layer> own({}, {{}, {}, {}});
  CHECK(names<B>(own) == "own.0.mine own.1.mine own.2.mine group.0.ours group.1.ours | ");
}

TEST_CASE_TEMPLATE("moe/kept: of one layer, and of its group", B, GMOE_TEST_MODULE_BACKENDS) {
  kept<keeps_all, B, relu_expert> kept;
  const builder<B> make(1);
  layer_shape l;
  for (l.moe_layer = 0; l.moe_layer < 3; ++l.moe_layer)
    kept.add_layer(
        {}, {}, make.scope("own", l.moe_layer), [&](index_t g) { return make.scope("group", g); }, l);
  CHECK(kept.has_layer(2));
  CHECK_FALSE(kept.has_layer(3));
  kept_list<B> own, ours;
  kept.list_layer(2, own);
  kept.list_shared_of(2, ours);
  CHECK(own.parameters.size() == 1);
  CHECK(own.parameters[0]->name() == "own.2.own");
  CHECK(own.buffers.at(0)->name() == "own.2.bias");
  CHECK(ours.parameters.size() == 1);
  CHECK(ours.parameters[0]->name() == "group.1.ours");
  CHECK(ours.buffers.empty());
  CHECK_FALSE(gmoe::kept<keeps_nothing, B, relu_expert>{}.has_layer(0));
}

TEST_CASE_TEMPLATE("moe/kept: weights of the body's kind", B, GMOE_TEST_MODULE_BACKENDS) {
  layer_shape l;
  l.d_model = 3;
  l.d_ff = 5;
  policy_alone<B, keeps_by_body> alone({}, {l});
  CHECK(alone.parameters() == "own.0.w_in 5x3, own.0.w_out 5x3, ");
}

TEST_CASE_TEMPLATE("moe/kept: groups come one after the other", B, GMOE_TEST_MODULE_BACKENDS) {
  CHECK(refusal([] {
          policy_alone<B, skips_a_group>({}, {{}, {}});
        }) == "groups of layers are numbered from 0 as they come, but layer 1 asks for group 5 where there are 1");
}

namespace {
struct number {
  int of = 0;
  static constexpr bool is_empty = false;
};
struct nobody {
  static constexpr bool is_empty = true;
};
template <class Slot>
struct number_of {
  number value;
};
template <>
struct number_of<slots::score> {
  nobody value;
};
}  // namespace

TEST_CASE("moe/kept: a map of slots, and a visit to those that keep something") {
  slot_map<number_of, slots::router, slots::score, slots::gate> map;
  map.at<slots::gate>().of = 3;
  CHECK(std::as_const(map).at<slots::gate>().of == 3);
  std::string seen;
  map.each([&]<class Slot>(Slot, number& n) { seen += std::string(Slot::name) + "=" + std::to_string(n.of) + " "; });
  CHECK(seen == "router=0 gate=3 ");
}
