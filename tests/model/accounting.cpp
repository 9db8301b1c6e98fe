#include "gmoe/model/accounting.hpp"

#include <doctest/doctest.h>

#include <string_view>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/model/any_card.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/language_model.hpp"
#include "naive_moe.hpp"

using namespace gmoe;

namespace {

sizes of(index_t d, index_t layers, index_t heads, index_t experts) {
  sizes s;
  s.vocab = 50257;
  s.positions = 1024;
  s.d_model = d;
  s.layers = layers;
  s.heads = heads;
  s.d_ff = 4 * d;
  s.experts = experts;
  return s;
}
sizes small(index_t experts = 16) { return of(512, 6, 8, experts); }
sizes base(index_t experts = 16) { return of(768, 12, 12, experts); }
sizes large(index_t experts = 16) { return of(1024, 24, 16, experts); }

index_t backbone(const sizes& s) {
  const index_t d = s.d_model;
  return s.vocab * d + s.positions * d + 2 * d + s.layers * (4 * d * d + 4 * d + 4 * d);
}
index_t gpt2_mlp(const sizes& s) { return 2 * s.d_model * s.d_ff + s.d_ff + s.d_model; }

/// In millions, as the papers print them.
double millions(index_t count) { return std::round(static_cast<double>(count) / 1e5) / 10; }

/// Multiply-adds per token that the equations make with weights of the card's shapes, in sequences of that length.
double counted(const naive::variant& equations, const sizes& s, const any_card& card, index_t sequence) {
  naive::weights w;
  for (const parameter_shape& p : card.parameters(s)) {
    naive::weight& mine = w[p.name];
    mine.rows = static_cast<std::size_t>(p.rows);
    mine.cols = static_cast<std::size_t>(p.cols);
    for (std::size_t i = 0; i < mine.rows * mine.cols; ++i)
      mine.values.push_back(0.1 * static_cast<double>(i % 7) - 0.3);
  }
  const auto length = static_cast<std::size_t>(sequence);
  std::vector<int> tokens;
  for (std::size_t i = 0; i < 2 * length; ++i) tokens.push_back(static_cast<int>(i * i % 11));
  naive::multiply_adds = 0;
  naive::settings how;
  how.batch = 2;
  how.sequence = length;
  naive::run(equations, how, w, tokens, tokens);
  return static_cast<double>(naive::multiply_adds) / static_cast<double>(tokens.size());
}

void check_counted(std::string_view name, const naive::variant& equations) {
  CAPTURE(name);
  const any_card card = make_card(name);
  sizes s = of(8, 3, 2, 4);
  s.vocab = 11;
  s.positions = 7;
  s.d_ff = 12;
  for (const index_t sequence : {1, 5}) {
    const index_t forward = cost_of(s, card).multiply_adds;
    const double products = counted(equations, s, card, sequence);
    CHECK(products == static_cast<double>(forward + attention_multiply_adds(s, sequence)));
    CHECK(training_flops_per_token(forward, s, sequence) == 6 * products);
  }
}

model_cost cost_by_name(std::string_view card, const sizes& s) { return cost_of(s, make_card(card)); }

}  // namespace

TEST_CASE("model/accounting: the closed form counts the products that the equations make") {
  naive::variant v;  // GMoE, at first
  v.always = 12;
  check_counted("gmoe", v);
  v.one_pool = false;
  v.router = naive::router_kind::linear;
  v.always = 0;
  v.mixture = {true, false, true};
  check_counted("switch", v);
  v.k = 2;
  check_counted("gshard", v);
  v.mixture = {true, true, true};
  check_counted("smoe", v);
  v.k = 1;
  v.mixture = {true, false, true};
  v.router = naive::router_kind::table;
  v.weigh = naive::weighting::one;
  v.table = {0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2};
  check_counted("hash", v);
  v.mixture = {false, false, false};
  check_counted("dense", v);
  v.relu_dense = true;
  check_counted("dense-relu", v);
}

TEST_CASE("model/accounting: GMoE's closed form") {
  for (sizes s : {small(), base(32), large(64), of(48, 3, 4, 5)}) {
    const index_t d = s.d_model, m = s.d_ff, n = s.experts;
    const model_cost c = cost_by_name("gmoe", s);
    CHECK(c.total ==
          backbone(s) + s.layers * (2 * d * m + 2 * d + 2 * n + 3 * n * d) + n * 2 * d * m + 6 * d * d + 6 * d);
    CHECK(c.active == s.vocab * d + s.positions * d + s.layers * (4 * d * d + 4 * d * m));
    CHECK(c.experts == n * 2 * d * m);
    CHECK(c.router == s.layers * (2 * d + 2 * n + 3 * n * d) + 6 * d * d + 6 * d);
    CHECK(c.multiply_adds == s.layers * (4 * d * d + 4 * d * m + 6 * d * d + 3 * n * d) + s.vocab * d);
  }
}

TEST_CASE("model/accounting: the sizes of the paper") {
  const double totals[3][4] = {{63.6, 80.4, 114.1, 181.5}, {165.9, 203.9, 279.8, 431.7}, {428.7, 496.4, 631.8, 902.6}};
  const index_t pools[] = {8, 16, 32, 64};
  for (int i = 0; i < 4; ++i) {
    CHECK(millions(cost_by_name("gmoe", small(pools[i])).total) == totals[0][i]);
    CHECK(millions(cost_by_name("gmoe", base(pools[i])).total) == totals[1][i]);
    CHECK(millions(cost_by_name("gmoe", large(pools[i])).total) == totals[2][i]);
  }
  CHECK(millions(cost_by_name("gmoe", small()).active) == 57.7);
  CHECK(millions(cost_by_name("gmoe", base()).active) == 180.9);
  CHECK(millions(cost_by_name("gmoe", large()).active) == 555.8);
  CHECK(millions(cost_by_name("dense", small()).total) == 45.2);
  CHECK(millions(cost_by_name("dense", base()).total) == 124.4);
  CHECK(millions(cost_by_name("dense", large()).total) == 354.8);
  CHECK(millions(cost_by_name("switch", small()).total) == 139.6);
  CHECK(millions(cost_by_name("switch", base()).total) == 549.2);
  CHECK(millions(cost_by_name("switch", large()).total) == 1864.9);
  const auto ratio = [](const sizes& s) {
    return std::round(1000.0 * static_cast<double>(cost_by_name("gmoe", s).total) /
                      static_cast<double>(cost_by_name("switch", s).total)) /
           1000;
  };
  CHECK(ratio(small()) == 0.576);
  CHECK(ratio(base()) == 0.371);
  CHECK(ratio(large()) == 0.266);
}

TEST_CASE("model/accounting: dense models and baselines") {
  for (sizes s : {small(), of(48, 5, 4, 5)}) {
    const index_t d = s.d_model, m = s.d_ff, n = s.experts, e = 2 * d * m;
    const index_t lookup = (s.vocab + s.positions) * d, mixtures = (s.layers + 1) / 2, dense = s.layers - mixtures;
    model_cost c = cost_by_name("dense", s);
    CHECK(c.total == backbone(s) + s.layers * gpt2_mlp(s));
    CHECK(c.active == lookup + s.layers * (4 * d * d + e));
    CHECK(c.experts == 0);
    CHECK(c.router == 0);
    CHECK(c.multiply_adds == s.layers * (4 * d * d + e) + s.vocab * d);
    CHECK(cost_by_name("dense-relu", s).total == backbone(s) + s.layers * e);

    c = cost_by_name("switch", s);
    CHECK(c.total == backbone(s) + mixtures * (n * e + n * d) + dense * gpt2_mlp(s));
    CHECK(c.active == lookup + s.layers * (4 * d * d + e));
    CHECK(c.router == mixtures * n * d);
    CHECK(c.multiply_adds == s.layers * (4 * d * d + e) + mixtures * n * d + s.vocab * d);
    CHECK(cost_by_name("switch-se", s).total == c.total + mixtures * e);
    CHECK(cost_by_name("switch-se", s).active == c.active + mixtures * e);
    CHECK(cost_by_name("gshard", s).total == c.total);
    CHECK(cost_by_name("gshard", s).active == c.active + mixtures * e);
    CHECK(cost_by_name("hash", s).total == c.total - mixtures * n * d);  // a table is not a parameter
    CHECK(cost_by_name("smoe", s).total == backbone(s) + s.layers * (n * e + n * d));
    CHECK(cost_by_name("smoe", s).active == lookup + s.layers * (4 * d * d + 2 * e));
  }
}

TEST_CASE("model/accounting: splitting experts changes neither totals nor the active part") {
  const sizes s = small();
  const model_cost whole = cost_by_name("gmoe", s);
  any_card parts = make_card("gmoe-fine-grained");
  change_setting(parts, "experts.granularity", "4");
  const model_cost split = cost_of(s, parts);
  CHECK(split.experts == whole.experts);
  CHECK(split.active == whole.active);
  CHECK(split.router == whole.router + s.layers * (2 + 3 * s.d_model) * (3 * s.experts));

  // Parts: 64 - 2 routed, 8 - 2 of them active.
  any_card shared = make_card("deepseek-moe");
  change_setting(shared, "experts.granularity", "4");
  change_setting(shared, "experts.shared_experts", "2");
  const model_cost deepseek = cost_of(s, shared);
  const index_t part = 2 * s.d_model * s.d_ff / 4;
  CHECK(deepseek.experts == 3 * 62 * part);
  CHECK(deepseek.router == 3 * 62 * s.d_model);
  CHECK(deepseek.active == cost_by_name("gshard", s).active);
}

TEST_CASE("model/accounting: GMoE's ablations") {
  const sizes s = base();
  const index_t d = s.d_model, e = 2 * d * s.d_ff, n = s.experts, L = s.layers;
  const model_cost c = cost_by_name("gmoe", s);
  CHECK(cost_by_name("gmoe-no-local", s).total == c.total - L * e);
  CHECK(cost_by_name("gmoe-no-local-top2", s).active == c.active);
  any_card two = make_card("gmoe-no-local");
  change_setting(two, "select.k", "2");
  CHECK(cost_of(s, two).active == c.active);
  CHECK(cost_by_name("gmoe-no-logits", s).total == c.total - L * (2 * n + 2 * n * d));
  CHECK(cost_by_name("gmoe-no-state", s).total == c.total - 6 * d * d - 6 * d);
  CHECK(cost_by_name("gmoe-no-global", s).total == c.total + (L - 1) * n * e);
  CHECK(cost_by_name("gmoe-every-second", s).total ==
        c.total - L / 2 * (e + 2 * d + 2 * n + 3 * n * d) + L / 2 * gpt2_mlp(s));
}

TEST_CASE("model/accounting: counts agree with a model that has its weights") {
  sizes s = of(16, 3, 2, 3);
  s.vocab = 20;
  s.positions = 8;
  language_model<gmoe_card, cpu<float>> model(s);
  index_t total = 0;
  for (const parameter<cpu<float>>* p : model.parameters()) total += p->value().size();
  CHECK(cost_of<gmoe_card>(s).total == total);
}

TEST_CASE("model/accounting: attention scores of a causal sequence") {
  sizes s = of(16, 3, 2, 3);
  index_t products = 0;
  for (index_t i = 1; i <= 9; ++i) products += 2 * i * s.d_model;
  CHECK(9 * attention_multiply_adds(s, 9) == s.layers * products);
}

TEST_CASE("model/accounting: sizes that do not fit are refused, memory is never asked for") {
  sizes s = small();
  s.heads = 7;
  CHECK_THROWS_AS(cost_of<gmoe_card>(s), config_error);
  s = of(8, 2, 2, 3);
  s.vocab = 11;  // values are drawn before memory is asked for
  CHECK_THROWS_AS((language_model<gmoe_card, shapes>(s)), backend_error);
  CHECK_NOTHROW(cost_of<gmoe_card>(of(8192, 64, 64, 1024)));  // half a terabyte
}
