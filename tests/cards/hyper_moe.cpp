// Networks made for every token, matrix by matrix, as the equations have them.
#include "cards/hyper_moe.hpp"
#include "cards/check.hpp"

using namespace gmoe_test;

namespace {

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
