// Slices of one dense layer as experts.
#include "cards/uoe.hpp"
#include "cards/check.hpp"

using namespace gmoe_test;

namespace {

/// The layer in one piece: b2 + W2 gelu(W1 x + b1), by the names of the slices' weights.
struct whole_layer_equations : uoe_equations {
  using uoe_equations::uoe_equations;
  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const naive::mat routed = uoe_equations::operator()(at, record);
    naive::mat y;
    const auto slices = std::exchange(widths, {12, 12, 12});
    for (std::size_t t = 0; t < at.x.size(); ++t) {
      naive::vec out = expert(at, at.layer, at.x[t]);
      for (std::size_t c = 0; c < out.size(); ++c)
        out[c] += at.w.at("h." + std::to_string(at.block) + ".moe.local.bias")[c];
      y.push_back(out);
    }
    widths = slices;
    return y;
  }
};

}  // namespace

TEST_CASE("cards/uoe: its equations, differences, and token by token") {
  card_case c{.card = "uoe"};
  const auto found = check_equations(c, uoe_equations({3, 3, 3, 3}));
  CHECK(dropped(found) > 0);
  c.shape.d_ff = 14;  // slices that differ by one unit
  c.set = {{"balance.alpha", "0.4"}, {"select.k", "3"}, {"capacity.share", "0.3"}};
  uoe_equations three({3, 4, 3, 4});
  three.alpha = 0.4;
  three.k = 3;
  three.share = 0.3;
  check_equations(c, three);
  c.training = false;
  check_equations(c, three);  // the quota holds
  c.training = true;
  c.shape.layers = 2;
  check_gradients(c);
  check_reading(c);
}

TEST_CASE("cards/uoe: slices chosen by the text so far, with weight 1") {
  card_case c{.card = "uoe-prefix"};
  uoe_equations e({3, 3, 3, 3});
  e.by_prefix = true;
  e.share = 1;
  check_equations(c, e);
  c.set = {{"balance.alpha", "0.4"}, {"select.k", "3"}};
  e.alpha = 0.4;
  e.k = 3;
  check_equations(c, e);
  c.training = false;
  check_equations(c, e);
  check_reading(c);
}

TEST_CASE("cards/uoe: all slices are the dense layer") {
  card_case c{.card = "uoe-prefix", .set = {{"select.k", "4"}}};
  c.training = false;
  whole_layer_equations dense({3, 3, 3, 3});
  dense.by_prefix = true;
  dense.share = 1;
  dense.k = 4;
  const auto model = model_of<GMOE_TEST_BACKEND<double>>(c);
  const text t(c.batch, c.sequence, c.shape.vocab);
  // The language loss alone: the gate's straight-through gradient is of no dense layer.
  naive::number::start();
  const naive::weights w = weights_of(model->parameters());
  naive::settings how;
  how.batch = 2;
  how.sequence = 5;
  how.heads = 2;
  const naive::result expected = naive::run(dense, mixed_blocks(c), how, w, {t.tokens.begin(), t.tokens.end()},
                                            {t.targets.begin(), t.targets.end()});
  CHECK(losses_of(*model, t, false).language.value().item() ==
        doctest::Approx(expected.language.value()).epsilon(1e-12));
}

TEST_CASE("cards/uoe: edges, one slice, a share of all, and numbers that do not fit") {
  card_case c{.card = "uoe", .set = {{"select.k", "1"}, {"capacity.share", "1"}}};
  c.shape.experts = 1;
  uoe_equations one({12});
  one.k = 1;
  one.share = 1;
  const auto found = check_equations(c, one);
  CHECK(dropped(found) == 0);
  c.shape.experts = 13;
  CHECK(refusal(c) == "d_ff = 12 hidden units cannot be cut into experts = 13 slices");
}
