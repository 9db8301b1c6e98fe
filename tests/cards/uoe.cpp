// Slices of one dense layer as experts.
#include "cards/check.hpp"
#include "cards/pool_equations.hpp"

using namespace gmoe_test;

namespace {

/// Slices, a bias for hidden units and one for the output; k p / sum p or 1 as weights; a quota; the prefix's decision.
struct uoe_equations : pool_equations {
  double alpha = 0.01, share = 0.5;
  bool by_prefix = false;

  explicit uoe_equations(const std::vector<std::size_t>& slices, std::size_t layers = 3)
      : pool_equations(private_pools(slices, layers)) {}

  naive::vec logits(const naive::call& at, std::size_t t) override {
    const naive::weight& gate = at.w.at("router." + std::to_string(at.layer) + ".gate");
    if (!by_prefix) return rows_times(gate, at.x[t]);
    naive::vec mean(at.x[t].size());
    const std::size_t first = t / at.how.sequence * at.how.sequence;
    for (std::size_t i = first; i <= t; ++i)
      for (std::size_t c = 0; c < mean.size(); ++c) mean[c] += at.x[i][c] / static_cast<double>(t - first + 1);
    return rows_times(gate, mean);
  }
  naive::vec weights(const naive::vec& p, const std::vector<int>& chosen) override {
    naive::vec w;
    naive::number sum = 1e-9;
    for (const int i : chosen) sum += p[static_cast<std::size_t>(i)];
    for (const int i : chosen) {
      const naive::number& own = p[static_cast<std::size_t>(i)];
      w.push_back(by_prefix ? number_of(1) + own - constant(own) : number_of(static_cast<double>(k)) * own / sum);
    }
    return w;
  }
  /// W2 gelu(W1 x + b1), gelu's tanh form.
  naive::vec expert(const naive::call& at, std::size_t number, const naive::vec& x) override {
    const naive::weight &w_in = at.w.at("experts.w_in"), &b_in = at.w.at("experts.b_in"),
                        &w_out = at.w.at("experts.w_out");
    std::size_t first = 0;
    for (std::size_t e = 0; e < number; ++e) first += widths[e];
    naive::vec y(x.size());
    for (std::size_t u = first; u < first + widths[number]; ++u) {
      naive::number a = b_in[u];
      for (std::size_t c = 0; c < x.size(); ++c) a += w_in(u, c) * x[c];
      const naive::number h =
          number_of(0.5) * a *
          (number_of(1) + tanh(number_of(std::sqrt(2 / std::acos(-1.0))) * (a + number_of(0.044715) * a * a * a)));
      for (std::size_t c = 0; c < x.size(); ++c) y[c] += h * w_out(u, c);
    }
    return y;
  }
  /// The choices of all tokens first, then who is kept.
  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    layer_load& load = loads.emplace_back();
    const std::size_t n = visible[at.layer].size();
    load.pairs.resize(n);
    load.mean.resize(n);
    naive::mat y;
    const naive::weight& bias = at.w.at("h." + std::to_string(at.block) + ".moe.local.bias");
    std::vector<std::size_t> asked;
    for (std::size_t t = 0; t < at.x.size(); ++t) {
      const std::size_t place = t % at.how.sequence + 1;
      if (place == 1) asked.assign(n, 0);
      const naive::vec p = scores(at, logits(at, t));
      const std::vector<int> chosen = choose(at, p);
      const naive::vec w = weights(p, chosen);
      std::vector<int> kept = chosen;
      naive::vec out(bias.values);
      for (std::size_t j = 0; j < chosen.size(); ++j) {
        const auto i = static_cast<std::size_t>(chosen[j]);
        ++load.pairs[i];
        ++load.all_pairs;
        if (static_cast<double>(++asked[i]) > std::ceil(share * static_cast<double>(place))) {
          kept[j] = -1;
          continue;
        }
        const naive::vec part = expert(at, static_cast<std::size_t>(visible[at.layer][i]), at.x[t]);
        for (std::size_t c = 0; c < out.size(); ++c) out[c] += w[j] * part[c];
      }
      for (std::size_t i = 0; i < n; ++i) load.mean[i] += p[i] / static_cast<double>(at.x.size());
      record.chosen.push_back(chosen);
      record.kept.push_back(kept);
      y.push_back(out);
    }
    return y;
  }
  std::map<std::string, naive::number> losses() override {
    naive::number all;
    for (const layer_load& load : loads)
      for (std::size_t i = 0; i < load.mean.size(); ++i)
        all += number_of(alpha * static_cast<double>(load.mean.size()) * load.pairs[i] / load.all_pairs) * load.mean[i];
    return {{"balance", all / static_cast<double>(loads.size())}};
  }
  static naive::number number_of(double v) { return v; }
};

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
