// Reading a text token by token, with the cache of keys and values, is reading it in one pass: for every card.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "backends.hpp"
#include "gmoe/model/generate.hpp"
#include "gmoe/model/registry.hpp"
#include "moe_checks.hpp"

using namespace gmoe;
using B = gmoe_test::model_backend;

namespace {

/// What a model says after every token, and which experts it took, mixture by mixture.
struct reading {
  std::vector<std::vector<double>> logits;
  std::vector<std::vector<id_type>> chosen, kept;

  explicit reading(index_t mixtures)
      : chosen(static_cast<std::size_t>(mixtures)), kept(static_cast<std::size_t>(mixtures)) {}
  template <class Model>
  void add_choices(const Model& model) {
    const auto append = [](std::vector<id_type>& to, const std::vector<id_type>& more) {
      to.insert(to.end(), more.begin(), more.end());
    };
    for (std::size_t l = 0; l < chosen.size(); ++l) {
      append(chosen[l], model.routings()[l].chosen.to_host());
      append(kept[l], model.routings()[l].kept.to_host());
    }
  }
};

template <class Model>
reading in_one_pass(Model& model, const std::vector<id_type>& tokens) {
  reading r(model.moe_layers());
  batch<B> data;
  data.assign(tokens, {}, 1, model.shape().vocab);
  context<B> ctx;
  Model::read(ctx, data);
  const std::vector<double> all = model.logits(ctx, model.hidden(ctx)).value().to_host();
  const auto vocab = static_cast<std::ptrdiff_t>(model.shape().vocab);
  for (auto at = all.begin(); at != all.end(); at += vocab) r.logits.emplace_back(at, at + vocab);
  r.add_choices(model);
  return r;
}

/// The first `prompt` tokens at once, then one after another.
template <class Model>
reading piece_by_piece(Model& model, const std::vector<id_type>& tokens, std::size_t prompt) {
  reading r(model.moe_layers());
  generator reader(model);
  for (std::size_t at = 0; at < tokens.size();) {
    const std::size_t count = at == 0 ? prompt : 1;
    const auto& logits = reader.read(std::span(tokens).subspan(at, count));
    r.logits.emplace_back(logits.begin(), logits.end());
    r.add_choices(model);
    at += count;
  }
  return r;
}

template <class Card>
void check() {
  INFO(text_of<Card>.name);
  sizes s = gmoe_test::small_sizes();
  s.positions = 9;
  s.granularity = 2;
  language_model<Card, B> model(s);
  gmoe_test::randomise(model);
  const std::vector<id_type> tokens{3, 9, 10, 3, 7, 4, 4, 0, 5};
  const reading whole = in_one_pass(model, tokens);
  for (const std::size_t prompt : {std::size_t{1}, std::size_t{4}, tokens.size()}) {
    CAPTURE(prompt);
    const reading pieces = piece_by_piece(model, tokens, prompt);
    CHECK(pieces.chosen == whole.chosen);
    CHECK(pieces.kept == whole.kept);
    REQUIRE(pieces.logits.size() == tokens.size() - prompt + 1);
    double worst = 0;
    for (std::size_t i = 0; i < pieces.logits.size(); ++i)
      for (std::size_t j = 0; j < pieces.logits[i].size(); ++j) {
        const double error = std::abs(pieces.logits[i][j] - whole.logits[i + prompt - 1][j]);
        worst = error <= worst ? worst : error;  // a NaN stays
      }
    CHECK(worst < 1e-12);
  }
}

template <class... Cards>
void check_all(card_list<Cards...>) {
  (check<Cards>(), ...);
}

}  // namespace

TEST_CASE("model/token_by_token: every card reads piece by piece what it reads in one pass") { check_all(all_cards{}); }
