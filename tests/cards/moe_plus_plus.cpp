// Experts of four kinds, and logits that travel over depth.
#include "cards/choosing.hpp"

using namespace gmoe_test;

namespace {

using naive::mat;
using naive::vec;

/// Experts 0 to 3 compute; behind them nulls, copies and constants.
struct plus_plus_equations : naive::paired_mixture {
  std::size_t k = 2, nulls = 1, copies = 1, constants = 2;
  double alpha = 0.01, tau = 0.75;
  vec terms{};
  mat before{};  ///< logits of the layer before

  std::size_t all() const { return experts + nulls + copies + constants; }
  pairs choose(const naive::call& at, const mat& own) override {
    mat z = own;
    if (at.layer > 0) {
      const naive::weight& w = at.w.at("router." + std::to_string(at.layer) + ".gate_residual");
      for (std::size_t t = 0; t < z.size(); ++t) {
        const vec residual = naive::rows_times(w, before[t]);
        for (std::size_t e = 0; e < all(); ++e) z[t][e] += residual[e];
      }
    }
    before = z;
    const mat p = naive::softmax_of_rows(z);
    pairs chosen(z.size());
    const auto tokens = static_cast<double>(z.size());
    vec f(all()), mean(all());
    for (std::size_t t = 0; t < z.size(); ++t) {
      for (const int c : naive::largest(p[t], k)) {
        const auto e = static_cast<std::size_t>(c);
        chosen[t].push_back({e, p[t][e]});
        f[e] += 1 / (tokens * static_cast<double>(k));
      }
      for (std::size_t e = 0; e < all(); ++e) mean[e] += p[t][e] / tokens;
    }
    naive::number term;
    for (std::size_t e = 0; e < all(); ++e)
      term += naive::number(alpha * static_cast<double>(all()) * (e < experts ? 1 : tau)) * f[e] * mean[e];
    terms.push_back(term);
    return chosen;
  }
  vec output(const naive::call& at, std::size_t e, const vec& x) override {
    if (e < experts) return paired_mixture::output(at, e, x);
    if (e < experts + nulls) return vec(x.size());
    if (e < experts + nulls + copies) return x;
    const std::size_t number = at.layer * constants + e - experts - nulls - copies;
    const vec a = naive::softmax(naive::rows_times(at.w.at("experts.mix"), x, 2 * number, 2));
    vec y;
    for (std::size_t i = 0; i < x.size(); ++i) y.push_back(a[0] * x[i] + a[1] * at.w.at("experts.value")(number, i));
    return y;
  }
  std::map<std::string, naive::number> losses() override { return {{"balance", naive::mean_of(terms)}}; }
};

}  // namespace

TEST_CASE("cards/moe-plus-plus: its equations, differences, reading, every kind is asked") {
  card_case c{.card = "moe-plus-plus", .batch = 3};
  std::set<id_type> asked;
  for (const auto& r : check_equations(c, plus_plus_equations{}).routings)
    for (const id_type e : r.chosen.to_host()) asked.insert(e);
  CHECK(asked.size() == 8);
  check_reading(c);
  card_case small = c;
  small.batch = 1;
  small.shape.layers = 2;
  check_gradients(small);

  plus_plus_equations more;
  more.nulls = 0;
  more.copies = 2;
  more.constants = 1;
  more.tau = 0.2;
  more.alpha = 0.5;
  more.k = 7;  // everybody
  c.set = {{"experts.nulls", "0"}, {"experts.copies", "2"},  {"experts.constants", "1"},
           {"balance.tau", "0.2"}, {"balance.alpha", "0.5"}, {"select.k", "7"}};
  check_equations(c, more);
}

TEST_CASE("cards/moe-plus-plus: without special experts; and with logits cut from the gradient") {
  card_case c{.card = "moe-plus-plus",
              .set = {{"experts.nulls", "0"}, {"experts.copies", "0"}, {"experts.constants", "0"}}};
  plus_plus_equations usual;
  usual.nulls = usual.copies = usual.constants = 0;
  check_equations(c, usual);
  c.shape.experts = 1;
  c.set.push_back({"select.k", "1"});
  usual.experts = usual.k = 1;
  check_equations(c, usual);

  using B = GMOE_TEST_BACKEND<double>;
  const auto slope = [](const char* cuts) {
    const card_case one{.card = "moe-plus-plus", .set = {{"router.cuts", cuts}}};
    const auto model = model_of<B>(one);
    gmoe::tape<B> tape;
    gmoe::context<B> ctx{.tape = &tape, .training = true};
    const text t(one.batch, one.sequence, one.shape.vocab);
    const auto loss = model->loss(ctx, t.on<B>(one.shape.vocab)).total;
    tape.backward(loss);
    std::vector<double> all{loss.value().item()};
    for (const double g : named(*model, "router.0.gate").gradient().to_host()) all.push_back(g);
    return all;
  };
  const auto whole = slope("false"), cut = slope("true");
  CHECK(whole[0] == cut[0]);
  CHECK(whole != cut);
}
