// Networks made for every token, matrix by matrix, as the equations have them.
#include "cards/check.hpp"

using namespace gmoe_test;

namespace {

struct hyper_equations : naive::mixture {
  std::size_t experts = 4, width = 12, hidden = 6, adapter = 3, k = 1;
  bool raw = true;

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const std::size_t d = at.x[0].size();
    const auto w = [&](const std::string& name) -> const naive::weight& { return at.w.at("local." + name); };
    naive::mat y;
    for (const naive::vec& x : at.x) {
      const naive::vec p = naive::softmax(rows_times(at.w.at("router." + std::to_string(at.layer) + ".gate"), x));
      const std::vector<int> chosen = naive::largest(p, k);
      naive::vec out(d), unselected(w("experts").cols);
      for (std::size_t e = 0; e < experts; ++e) {
        if (std::find(chosen.begin(), chosen.end(), static_cast<int>(e)) == chosen.end()) {
          for (std::size_t i = 0; i < unselected.size(); ++i) unselected[i] += w("experts")(e, i);
          continue;
        }
        const naive::vec part = naive::expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"),
                                              (at.layer * experts + e) * width, width, x);
        for (std::size_t i = 0; i < d; ++i) out[i] += p[e] * part[i];
      }
      record.chosen.push_back(chosen);
      naive::vec inner = affine(unselected, w("gather.weight"), w("gather.bias"));
      for (naive::number& a : inner) a = naive::relu(a);
      naive::vec v = affine(inner, w("spread.weight"), w("spread.bias"));
      for (std::size_t i = 0; i < w("layers").cols; ++i) v.push_back(w("layers")(at.layer, i));
      naive::vec h = affine(v, w("join.weight"), w("join.bias"));
      for (naive::number& a : h) a = naive::relu(a);

      // The matrices of this token.
      naive::mat down(adapter, naive::vec(d)), up(d, naive::vec(adapter));
      naive::vec c(adapter), g(d);
      for (std::size_t n = 0; n < hidden; ++n) {
        for (std::size_t i = 0; i < adapter; ++i) {
          c[i] += h[n] * w("down_bias")(i, n);
          for (std::size_t j = 0; j < d; ++j) {
            down[i][j] += h[n] * w("down")(i * hidden + n, j);
            up[j][i] += h[n] * w("up")(i * hidden + n, j);
          }
        }
        for (std::size_t j = 0; j < d; ++j) g[j] += h[n] * w("up_bias")(j, n);
      }
      for (std::size_t i = 0; i < adapter; ++i) {
        naive::number a = c[i];
        for (std::size_t j = 0; j < d; ++j) a += down[i][j] * x[j];
        for (std::size_t j = 0; j < d; ++j) out[j] += up[j][i] * naive::relu(a);
      }
      for (std::size_t j = 0; j < d; ++j) out[j] += g[j];
      y.push_back(out);
    }
    record.kept = record.chosen;
    return y;
  }
  std::map<std::string, naive::number> losses() override { return {{"balance", 0}}; }
};

card_case small_case() {
  return {.card = "hyper-moe",
          .set = {{"always.hidden", "6"},
                  {"always.adapter", "3"},
                  {"always.expert_embedding", "5"},
                  {"always.layer_embedding", "2"},
                  {"balance.importance", "0"},
                  {"balance.load", "0"}},
          .training = false};
}

}  // namespace

TEST_CASE("cards/hyper_moe: its equations, with any number of experts and choices") {
  card_case c = small_case();
  hyper_equations equations;
  check_equations(c, equations);
  for (const std::size_t k : {2, 4}) {
    CAPTURE(k);
    c.set.push_back({"select.k", std::to_string(k)});
    equations.k = k;
    check_equations(c, equations);
  }
  c.set.push_back({"select.k", "1"});
  equations.k = 1;
  c.shape.experts = 1;
  equations.experts = 1;
  check_equations(c, equations);
}

TEST_CASE("cards/hyper_moe: differences, token by token, padding; one hypernetwork for all layers") {
  card_case c = small_case();
  c.training = true;  // with its noise and the losses on it
  c.set.push_back({"balance.importance", "0.3"});
  c.set.push_back({"balance.load", "0.2"});
  c.shape.layers = 2;
  check_gradients(c);
  check_reading(c);
  using B = GMOE_TEST_BACKEND<double>;
  gmoe::language_model<gmoe::hyper_moe_card, B> model(small_sizes());
  std::vector<std::string> names;
  model.each_parameter([&](const auto& p) {
    if (p.name().find("local") != std::string::npos) names.push_back(p.name());
  });
  CHECK(names.size() == 12);
  randomise(model);
  check_padding(model, false);
}

TEST_CASE("cards/hyper_moe: with a generator of zeros it is noisy top-1; a new one is nearly that") {
  using B = GMOE_TEST_BACKEND<double>;
  card_case c = small_case();
  c.training = true;
  c.set.push_back({"balance.load", "0.2"});
  const auto hyper = model_of<B>(c);
  const card_case without{.card = "noisy-top-k",
                          .set = {{"select.k", "1"}, {"balance.importance", "0"}, {"balance.load", "0.2"}}};
  // Raw weights, which noisy-top-k has not: so it is asked for the choices.
  const auto noisy = model_of<B>(without);
  const text t(2, 5, c.shape.vocab);
  const auto made = losses_of(*hyper, t, true).found;
  hyper->each_parameter([](gmoe::parameter<B>& p) {
    if (p.name().find("local.up") != std::string::npos) p.value() = gmoe::matrix<B>::filled(p.rows(), p.cols(), 0);
  });
  const auto none = losses_of(*hyper, t, true);
  CHECK(none.found.routings[0].chosen.to_host() == losses_of(*noisy, t, true).found.routings[0].chosen.to_host());
  using raw = gmoe::with<gmoe::noisy_top_k_card, gmoe::selected_score>;
  gmoe::language_model<raw, B> top1(
      c.shape, gmoe::card<raw>(gmoe::top_k{.k = 1}, gmoe::importance_and_load{.importance = 0, .load = 0.2}));
  randomise(top1);
  CHECK(none.total.value().item() == doctest::Approx(losses_of(top1, t, true).total.value().item()).epsilon(1e-13));
  CHECK(made.routings[1].logits.value().to_host() != none.found.routings[1].logits.value().to_host());

  const gmoe::language_model<gmoe::hyper_moe_card, B> fresh(c.shape);
  const gmoe::language_model<raw, B> fresh_top1(c.shape, gmoe::card<raw>(gmoe::top_k{.k = 1}));
  CHECK(losses_of(fresh, t, false).language.value().item() ==
        doctest::Approx(losses_of(fresh_top1, t, false).language.value().item()).epsilon(1e-3));
}
