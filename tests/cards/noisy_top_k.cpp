// Noise on logits, and who would have been chosen with other noise, token by token.
#include "cards/check.hpp"

using namespace gmoe_test;

namespace {

double normal_below(double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; }
naive::number normal_below(const naive::number& x) {
  const double v = x.value();
  return naive::number::of(x, normal_below(v), std::exp(-v * v / 2) / std::sqrt(2 * std::acos(-1.0)));
}
naive::number soft(const naive::number& x) { return log(naive::number(1) + exp(x)); }

/// The number with so much of the distribution below it, by halving.
double quantile_of(double below) {
  double low = -10, high = 10;
  for (int i = 0; i < 100; ++i) (normal_below((low + high) / 2) < below ? low : high) = (low + high) / 2;
  return low;
}

naive::number squared_variation_of(const naive::vec& v) {
  const double n = static_cast<double>(v.size());
  naive::number mean, variance;
  for (const naive::number& a : v) mean += a / n;
  for (const naive::number& a : v) variance += (a - mean) * (a - mean) / n;
  return variance / (mean * mean + 1e-10);
}

struct noisy_equations : naive::mixture {
  std::size_t experts = 4, width = 12, k = 2;
  double importance = 0.01, load = 0.01, least = 0.01;
  std::vector<naive::number> balance;

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const std::string router = "router." + std::to_string(at.layer) + ".";
    const gmoe::random_stream random =
        step_random.fork(at.block).fork(static_cast<std::uint64_t>(gmoe::random_site::router));
    naive::mat y;
    naive::vec weighs(experts), wanted(experts);
    const double tokens = static_cast<double>(at.x.size());
    for (std::size_t t = 0; t < at.x.size(); ++t) {
      const naive::vec &x = at.x[t], clean = rows_times(at.w.at(router + "gate"), x);
      naive::vec noise = rows_times(at.w.at(router + "noise"), x), z = clean;
      for (std::size_t e = 0; e < experts; ++e) {
        noise[e] = soft(noise[e]) + least;
        if (at.how.training) z[e] += noise[e] * quantile_of(random.word(t * experts + e) * 0x1.0p-32);
      }
      const std::vector<int> chosen = naive::largest(z, k);
      const naive::vec p = naive::softmax(z);
      naive::number sum = 1e-9;
      for (const int e : chosen) sum += p[static_cast<std::size_t>(e)];
      naive::vec out(x.size());
      for (const int c : chosen) {
        const auto e = static_cast<std::size_t>(c);
        const naive::number w = p[e] / sum;
        weighs[e] += w / tokens;
        const naive::vec part = naive::expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"),
                                              (at.layer * experts + e) * width, width, x);
        for (std::size_t i = 0; i < x.size(); ++i) out[i] += w * part[i];
      }
      record.chosen.push_back(chosen);
      y.push_back(out);
      for (std::size_t e = 0; e < experts && k < experts; ++e) {
        naive::vec others;
        for (std::size_t o = 0; o < experts; ++o)
          if (o != e) others.push_back(z[o]);
        const naive::number threshold = others[static_cast<std::size_t>(naive::largest(others, k).back())];
        wanted[e] += normal_below((clean[e] - threshold) / noise[e]) / tokens;
      }
    }
    record.kept = record.chosen;
    naive::number loss = naive::number(importance) * squared_variation_of(weighs);
    if (at.how.training && k < experts) loss += naive::number(load) * squared_variation_of(wanted);
    balance.push_back(loss);
    return y;
  }
  std::map<std::string, naive::number> losses() override {
    naive::number sum;
    for (const naive::number& l : balance) sum += l / static_cast<double>(balance.size());
    return {{"balance", sum}};
  }
};

}  // namespace

TEST_CASE("cards/noisy_top_k: its equations, with noise in training and without in evaluation") {
  card_case c{.card = "noisy-top-k", .set = {{"balance.importance", "0.4"}, {"balance.load", "0.3"}}};
  noisy_equations equations;
  equations.importance = 0.4;
  equations.load = 0.3;
  for (const std::size_t k : {2, 1, 3, 4}) {
    CAPTURE(k);
    c.set.push_back({"select.k", std::to_string(k)});
    equations.k = k;
    check_equations(c, equations);
  }
  c.set.push_back({"router.least", "0.5"});
  c.set.push_back({"select.k", "2"});
  equations.least = 0.5;
  equations.k = 2;
  check_equations(c, equations);
  c.training = false;
  check_equations(c, equations);
  c.training = true;
  c.shape.experts = 1;
  c.set.push_back({"select.k", "1"});
  equations.experts = equations.k = 1;
  check_equations(c, equations);
}

TEST_CASE("cards/noisy_top_k: differences, token by token, padding, and no noise at all") {
  card_case c{.card = "noisy-top-k", .set = {{"balance.importance", "0.4"}, {"balance.load", "0.3"}}};
  c.shape.layers = 2;
  check_gradients(c);
  check_reading(c);
  using B = GMOE_TEST_BACKEND<double>;
  gmoe::language_model<gmoe::noisy_top_k_card, B> model(small_sizes());
  randomise(model);
  check_padding(model, false);
  // Without noise it is smoe, but for what keeps the load even.
  c.training = false;
  c.set = {{"balance.importance", "0"}};
  check_same(c, {.card = "smoe", .set = {{"balance.alpha", "0"}}, .shape = c.shape, .training = false});
  CHECK(refusal({.card = "noisy-top-k", .set = {{"select.k", "5"}}})
            .find("the selection takes 5 experts per token, but block 0 has only 4") != std::string::npos);
  CHECK(refusal({.card = "noisy-top-k", .set = {{"router.least", "0"}}}).find("router.least is 0, expected") !=
        std::string::npos);
}

TEST_CASE("cards/noisy_top_k: a new model has as much noise for everybody, drawn anew in every step") {
  using B = GMOE_TEST_BACKEND<double>;
  const card_case c{.card = "noisy-top-k"};
  const auto model = gmoe::make_model<B, GMOE_TEST_CARDS>(card_of(c), c.shape);
  const text t(2, 5, c.shape.vocab);
  const auto found = losses_of(*model, t, true).found;
  for (const auto& r : found.routings)
    for (const double s : r.noted("noise_deviation").value().to_host())
      CHECK(s == doctest::Approx(std::log(2.0) + 0.01).epsilon(1e-12));
  gmoe::context<B> ctx;
  ctx.training = true;
  ctx.random = gmoe::random_stream(78);
  const auto other = model->loss(ctx, t.on<B>(c.shape.vocab)).found;
  CHECK(other.routings[0].chosen.to_host() != found.routings[0].chosen.to_host());
}
