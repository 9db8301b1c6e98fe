// The code of docs/variants/own.md: a policy of one's own for each question, and a check of each.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <string>

#include "gmoe/autograd/gradient_check.hpp"
#include "gmoe/backend/cpu.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/describe.hpp"
#include "gmoe/moe/stack.hpp"
#include "gmoe/ops/choose.hpp"
#include "gmoe/ops/log_softmax.hpp"
#include "gmoe/ops/softmax.hpp"

using namespace gmoe;

// [router]
/// z = W2 tanh(W1 x): a hidden layer before the experts are scored.
struct deep_router {
  using slot = slots::router;
  index_t hidden = 16;
  static constexpr auto fields = std::tuple{field{"hidden", &deep_router::hidden, "hidden units", at_least(1)}};

  template <class B>
  struct layer {
    parameter<B> w1, w2;  // hidden x d, N x hidden
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.linear("w1", hidden, l.d_model), make.linear("w2", l.columns, hidden)};
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    return matmul(tanh(matmul(x, at.use(my.layer.w1), op::transpose)), at.use(my.layer.w2), op::transpose);
  }
};
// [/router]

// [wrapper]
/// A router whose large logits cost something: weight times the mean of (log sum exp z)^2 (Zoph et al. 2022).
template <class Router>
struct with_z_loss {
  using slot = slots::router;
  Router of{};
  double weight = 0.001;
  static constexpr auto fields = std::tuple{field{"weight", &with_z_loss::weight, "of the z-loss", at_least(0)}};

  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    const variable<B> z = ask<hooks::logits>(of, my, at, x);
    at.add_loss("router_z", scale(sum(square(log_sum_exp_rows(z))), weight / static_cast<double>(z.rows())));
    return z;
  }
};
// [/wrapper]

// [groups]
/// z = x (W + U_g V_g)': one matrix for all layers, and what each group of them adds to it.
struct two_part_router {
  using slot = slots::router;
  index_t rank = 2, layers = 2;
  static constexpr auto fields = std::tuple{field{"rank", &two_part_router::rank, "of what a group adds", at_least(1)},
                                            field{"layers", &two_part_router::layers, "that are a group", at_least(1)}};

  template <class B>
  struct addition {
    parameter<B> u, v;  // N x rank, rank x d
  };
  template <class B>
  struct shared {
    parameter<B> base;  // N x d
    std::vector<addition<B>> of_group;
  };
  template <class B>
  shared<B> make_shared(const builder<B>& make, const layer_shape& l) const {
    shared<B> all{make.linear("gate", l.columns, l.d_model), {}};
    for (index_t g = 0; g * layers < l.moe_layers; ++g) {
      const builder<B> own = make.scope("group", g);
      all.of_group.push_back({own.linear("u", l.columns, rank), own.linear("v", rank, l.d_model)});
    }
    return all;
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    const addition<B>& mine = my.shared.of_group[static_cast<std::size_t>(at.layer.moe_layer / layers)];
    const variable<B> low = matmul(x, at.use(mine.v), op::transpose);
    return add(matmul(x, at.use(my.shared.base), op::transpose), matmul(low, at.use(mine.u), op::transpose));
  }
};
// [/groups]

// [candidates]
/// Half of the experts at first, all of them after so many steps.
struct growing_pool {
  using slot = slots::candidates;
  index_t steps = 1000;
  static constexpr auto fields = std::tuple{field{"steps", &growing_pool::steps, "until all are there", at_least(1)}};

  template <class B>
  matrix<B> mask(const place<B>& at, const routing<B>& r) const {
    const double open = std::fmin(1, 0.5 + 0.5 * static_cast<double>(at.step) / static_cast<double>(steps));
    std::vector<typename B::scalar> may(static_cast<std::size_t>(r.experts), 0);
    std::fill_n(may.begin(), std::lround(std::ceil(open * static_cast<double>(r.experts))), typename B::scalar(1));
    return matrix<B>::from_host(may, 1, r.experts);
  }
};
// [/candidates]

// [score]
/// p = softmax(z / temperature), which falls from `start` to 1 in so many steps: soft choices first, sure ones later.
struct annealed_softmax {
  using slot = slots::score;
  double start = 4;
  index_t steps = 1000;
  static constexpr auto fields =
      std::tuple{field{"start", &annealed_softmax::start, "temperature of the first step", above(0)},
                 field{"steps", &annealed_softmax::steps, "until the temperature is 1", at_least(1)}};

  template <class B>
  variable<B> scores(const place<B>& at, const routing<B>& r) const {
    const double done = std::fmin(1, static_cast<double>(at.step) / static_cast<double>(steps));
    return softmax_rows(scale(r.logits, 1 / (start + done * (1 - start))));
  }
};
// [/score]

// [select]
/// The k largest of p + b. After every step b sinks for experts that are asked too often (Wang et al. 2024).
struct nudged_top_k {
  using slot = slots::select;
  index_t k = 2;
  double rate = 0.001;
  static constexpr auto fields =
      std::tuple{field{"k", &nudged_top_k::k, "experts per token", at_least(1)},
                 field{"rate", &nudged_top_k::rate, "by which a bias changes in a step", at_least(0)}};

  template <class B>
  struct layer {
    buffer<B> bias;  // 1 x N, saved but not trained
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.constant_buffer("bias", 1, l.experts, 0)};
  }
  index_t at_most(const layer_shape&) const { return k; }
  template <class B>
  id_matrix<B> choose(const place<B>&, const routing<B>& r, const auto& my) const {
    matrix<B> biased(r.scores.rows(), r.experts);
    B::map_with_row(biased.view(), 0, fn::plus{}, r.scores.value().view(), my.layer.bias.value().view());
    return r.mask.empty() ? choose_top_k(biased, k) : choose_top_k(biased, k, r.mask);
  }
  template <class B>
  void after_step(std::int64_t, const layer_statistics<B>& step, const auto& my) const {
    auto b = my.layer.bias.value().to_host();
    const double even = static_cast<double>(step.pairs) / static_cast<double>(b.size());
    for (std::size_t e = 0; e < b.size(); ++e)
      b[e] += static_cast<typename B::scalar>(static_cast<double>(step.load[e]) > even ? -rate : rate);
    my.layer.bias.value() = matrix<B>::from_host(b, 1, static_cast<index_t>(b.size()));
  }
};
// [/select]

// [gate]
/// Weights that sum to `sum` over the chosen experts (DeepSeek-AI 2024).
struct scaled_scores {
  using slot = slots::gate;
  double sum = 2.5;
  static constexpr auto fields = std::tuple{field{"sum", &scaled_scores::sum, "of a token's weights", above(0)}};

  template <class B>
  variable<B> weights(const place<B>&, const routing<B>& r) const {
    return scale(normalize_sums(gather_elements(r.scores, r.chosen), 1e-9), sum);
  }
};
// [/gate]

// [balance]
/// alpha (N sum_i P_i^2 - 1) for mean scores P that sum to one: their squared coefficient of variation (Shazeer et al.
/// 2017). It does not look at choices.
struct importance_loss {
  using slot = slots::balance;
  double alpha = 0.01;
  static constexpr auto fields =
      std::tuple{field{"alpha", &importance_loss::alpha, "coefficient of the importance loss", at_least(0)}};

  template <class B>
  variable<B> layer_loss(const place<B>& at, const routing<B>& r) const {
    const variable<B> mean = col_means(r.scores), one = at.constant(matrix<B>::filled(1, 1, 1));
    return scale(subtract(scale(dot(mean, mean), static_cast<double>(r.experts)), one), alpha);
  }
};
// [/balance]

// [body]
/// Experts in a narrower space: U sum_e w_e E_e(A x), with A and U common to all of them.
struct compressing_expert {
  using slot = slots::body;
  index_t width = 8;
  static constexpr auto fields =
      std::tuple{field{"width", &compressing_expert::width, "numbers per token that experts see", at_least(1)}};

  template <class B>
  struct weights {
    parameter<B> down, up;   // width x d, d x width
    expert_bank<B> experts;  // of rows with `width` numbers
  };
  template <class B>
  weights<B> make_weights(const builder<B>& make, const pool_shape& pool) const {
    return {make.linear("down", width, pool.d_model), make.linear("up", pool.d_model, width),
            expert_bank<B>(make, width, pool.widths, pool.initializer_range)};
  }
  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>& r, const auto& my) const {
    const variable<B> narrow = matmul(x, at.use(my.weights.down), op::transpose);
    const expert_bank<B>& bank = my.weights.experts;
    const variable<B> y = apply_experts(relu_expert{}, narrow, r.weights, &r.pairs, at.use(bank.w_in()),
                                        at.use(bank.w_out()), bank.layout(r.visible, r.pool_is_shared));
    return matmul(y, at.use(my.weights.up), op::transpose);
  }
};
// [/body]

// [form]
/// The mixture twice: what the first round adds decides where the second one asks.
struct two_rounds {
  using slot = slots::form;
  index_t routings(const layer_shape&) const { return 2; }  // per layer

  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x) const {
    const variable<B> first = once(at, parts, x);
    return add(first, once(at, parts, add(x, first)));
  }
  template <class B>
  static variable<B> once(const place<B>& at, auto& parts, const variable<B>& x) {
    const routing<B>& r = parts.route(at, x);
    const variable<B> always = parts.always(at, x, r), routed = parts.experts(at, x, r);
    return always ? add(always, routed) : routed;
  }
};
// [/form]

// [mixtures]
/// The same tokens through two mixtures, one of them with a weight of its own.
template <class First, class Second>
struct weighted_sum {
  using slot = slots::form;
  using uses = slot_list<>;  // of the card's own answers; those of `first` and `second` are theirs
  First first{};
  Second second{};
  double weight = 0.5;
  static constexpr auto fields =
      std::tuple{field{"first", &weighted_sum::first, "a mixture"}, field{"second", &weighted_sum::second, "another"},
                 field{"weight", &weighted_sum::weight, "of the second one", above(0)}};

  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x) const {
    const variable<B> y = parts.mixture(&weighted_sum::first, at, x);
    return add(y, scale(parts.mixture(&weighted_sum::second, at, x), weight));
  }
};

struct two_mixtures_card {
  static constexpr card_text text{"two-mixtures", "", "GMoE, and half of a usual mixture"};
  weighted_sum<gmoe_card, smoe_card> form{};
  every_block placement{};
  gpt2_feed_forward dense{};
};
// [/mixtures]

// [card]
struct my_card : smoe_card {
  static constexpr card_text text{"mine", "", "a hidden layer in the router, biases instead of a balance loss"};
  deep_router router{.hidden = 8};
  nudged_top_k select{};
  no_balance balance{};
};
// [/card]

// [check]
/// Largest difference between the tape's gradients and finite differences, relative to the largest gradient, for two
/// mixtures of a card, one upon the other.
template <class Card>
double check(const Card& card = {}) {
  using B = cpu<double>;
  moe_stack<Card, B> moe({.d_model = 6, .layers = 2, .d_ff = 8, .experts = 4, .initializer_range = 0.5}, card);
  parameter<B> input = builder<B>(1).normal("x", 12, 6, 1);
  std::vector<parameter<B>*> all = moe.parameters();
  all.push_back(&input);
  const auto loss = [&](tape<B>* tape) {
    const context<B> ctx{.tape = tape, .training = true};
    auto pass = moe.begin(ctx);
    variable<B> x = ctx.use(input);
    for (index_t l = 0; l < moe.layers(); ++l) x = add(x, moe(pass, l, x));
    const variable<B> task = sum(square(x)), extra = pass.loss();
    return extra ? add(task, extra) : task;
  };
  return check_gradients(all, loss).worst;
}
// [/check]

namespace {

bool good = true;
void expect(bool so, const char* what) {
  if (!so) std::cerr << "not so: " << what << "\n";
  good = good && so;
}
template <class Card>
void expect_gradients(const char* what, const Card& card = {}) {
  const double error = check(card);
  if (!(error < 1e-6)) std::cerr << what << ": the gradient is wrong by " << error << "\n";
  good = good && error < 1e-6;
}

using B = cpu<double>;

/// One pass of 40 tokens in training, and its findings.
template <class Card>
auto pass_of(const moe_stack<Card, B>& moe, std::int64_t step = 0) {
  const context<B> ctx{.training = true, .step = step};
  auto pass = moe.begin(ctx);
  moe(pass, 0, variable<B>(builder<B>(3).normal("x", 40, 6, 1).value()));
  return pass;
}
constexpr sizes small{.d_model = 6, .layers = 1, .d_ff = 8, .experts = 4, .initializer_range = 0.5};

void check_what_they_do() {
  // The annealed temperature ends at the plain softmax.
  const moe_stack<with<smoe_card, annealed_softmax>, B> annealed(small);
  const moe_stack<smoe_card, B> plain(small);
  const auto scores = [](const auto& moe, std::int64_t step) {
    return pass_of(moe, step).found().routings.front().scores.value().to_host();
  };
  expect(scores(annealed, 1000) == scores(plain, 0), "after its steps the annealed softmax is the softmax");
  expect(scores(annealed, 0) != scores(plain, 0), "before, it is not");

  // The first half of four experts at first, all of them later.
  const moe_stack<with<smoe_card, growing_pool>, B> growing(small);
  const auto largest = [](const auto& pass) {
    const auto chosen = pass.found().routings.front().chosen.to_host();
    return *std::max_element(chosen.begin(), chosen.end());
  };
  expect(largest(pass_of(growing, 0)) == 1, "half of the experts are asked at first");
  expect(largest(pass_of(growing, 1000)) == 3, "all of them later");

  // A bias sinks for the busy and rises for the idle, and moves choices.
  moe_stack<my_card, B> biased(small, card<my_card>(nudged_top_k{.rate = 10}));
  const auto before = pass_of(biased).found().routings.front().chosen.to_host();
  step_statistics<B> statistics;
  statistics.add(pass_of(biased).found());
  biased.after_step(0, statistics);
  const auto load = statistics.of(0, 4).load;
  const auto bias = biased.mine<slots::select>(0).layer.bias.value().to_host();
  for (std::size_t e = 0; e < 4; ++e)
    expect(bias[e] == (load[e] > 20 ? -10.0 : 10.0), "biases follow the load of 80 pairs on 4 experts");
  expect(pass_of(biased).found().routings.front().chosen.to_host() != before, "choices follow the biases");

  // Weights sum to what the field says.
  const moe_stack<with<smoe_card, scaled_scores>, B> scaled(small);
  const auto w = pass_of(scaled).found().routings.front().weights.value().to_host();
  expect(std::abs(w[0] + w[1] - 2.5) < 1e-7, "weights sum to 2.5");

  // The importance loss is zero for even scores, positive for others.
  moe_stack<with<smoe_card, importance_loss>, B> importance(small);
  expect(pass_of(importance).loss().value().item() > 0, "scores that are not even cost something");
  auto& gate = importance.mine<slots::router>(0).layer.gate;
  gate.value() = matrix<B>::filled(4, 6, 0.0);
  expect(std::abs(pass_of(importance).loss().value().item()) < 1e-15, "even ones do not");

  // The z-loss is there by name, and twice the weight is twice the loss.
  using z_card = with<smoe_card, with_z_loss<linear_router>>;
  double z[2] = {0, 0};
  for (const int twice : {0, 1}) {
    const moe_stack<z_card, B> moe(small, card<z_card>(with_z_loss<linear_router>{.weight = twice ? 0.2 : 0.1}));
    pass_of(moe).losses([&](std::string_view name, const variable<B>& value) {
      if (name == "router_z") z[twice] = value.value().item();
    });
  }
  expect(z[0] > 0 && std::abs(z[1] - 2 * z[0]) < 1e-12, "the z-loss has its name and its weight");

  // Three layers in groups of two: one matrix for all of them, two additions.
  sizes deep = small;
  deep.layers = 3;
  moe_stack<with<smoe_card, two_part_router>, B> grouped(deep);
  std::string names;
  for (const parameter<B>* p : grouped.kept_of<slots::router>().parameters) names += p->name() + " ";
  expect(names == "router.gate router.group.0.u router.group.0.v router.group.1.u router.group.1.v ",
         "what is kept for all layers is kept once, and once for each group");

  const moe_stack<with<smoe_card, two_rounds>, B> twice(small);
  expect(pass_of(twice).found().routings.size() == 2, "two rounds are two routings");
  two_mixtures_card both;
  change_setting(both, "form.second.balance.alpha", "0");
  const moe_stack<two_mixtures_card, B> mixtures(small, both);
  std::string losses;
  pass_of(mixtures).losses([&](std::string_view name, const variable<B>& value) {
    losses += std::string(name) + (value.value().item() > 0 ? " " : " of nothing ");
  });
  expect(losses == "first/balance second/balance of nothing ",
         "each mixture has a balance loss and a number of its own");
  expect(describe<my_card>().find("deep_router {hidden = 8}: logits, make_layer") != std::string::npos,
         "a card of one's own describes itself");
}

}  // namespace

int main() {
  expect_gradients<with<smoe_card, deep_router>>("router");
  expect_gradients<with<smoe_card, with_z_loss<deep_router>>>("wrapper");
  using grouped = with<smoe_card, two_part_router>;
  expect_gradients("groups", card<grouped>(two_part_router{.layers = 1}));
  expect_gradients<with<smoe_card, growing_pool>>("candidates");
  expect_gradients<with<smoe_card, annealed_softmax>>("score");
  expect_gradients<with<smoe_card, nudged_top_k>>("select");
  expect_gradients<with<smoe_card, scaled_scores>>("gate");
  expect_gradients<with<smoe_card, importance_loss>>("balance");
  expect_gradients<with<smoe_card, compressing_expert>>("body");
  expect_gradients<with<smoe_card, two_rounds>>("form");
  struct without_cuts {
    weighted_sum<gmoe_no_logits_card, smoe_card> form{};
    every_block placement{};
    gpt2_feed_forward dense{};
  };
  expect_gradients<without_cuts>("mixtures");
  expect_gradients<my_card>("card");
  check_what_they_do();
  return good ? 0 : 1;
}
