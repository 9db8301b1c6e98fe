// Reading a text token by token, with the cache of keys and values, is reading it in one pass: for every card.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends.hpp"
#include "gmoe/model/any_model.hpp"
#include "gmoe/model/generate.hpp"
#include "moe_checks.hpp"

using namespace gmoe;
using B = gmoe_test::model_backend;

namespace {

/// What a model says after every token, and which experts it took, mixture by mixture.
struct reading {
  std::vector<std::vector<double>> logits;
  std::vector<std::vector<id_type>> chosen, kept;  // a mixture may route several times

  void add_choices(const findings<B>& pass) {
    if (chosen.empty()) chosen.resize(pass.routings.size());
    REQUIRE(pass.routings.size() == chosen.size());
    kept.resize(chosen.size());
    const auto append = [](std::vector<id_type>& to, const std::vector<id_type>& more) {
      to.insert(to.end(), more.begin(), more.end());
    };
    for (std::size_t l = 0; l < chosen.size(); ++l) {
      append(chosen[l], pass.routings[l].chosen.to_host());
      append(kept[l], pass.routings[l].kept.to_host());
    }
  }
};

double largest_error(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double error = std::abs(a[i] - b[i]);
    worst = error <= worst ? worst : error;  // a NaN stays
  }
  return worst;
}

template <class Model>
reading in_one_pass(const Model& model, const std::vector<id_type>& tokens) {
  reading r;
  batch<B> data;
  data.assign(tokens, {}, 1, model.shape().vocab);
  auto pass = model.begin(Model::reading({}, data));
  const std::vector<double> all = model.logits({}, model.hidden(pass)).value().to_host();
  const auto vocab = static_cast<std::ptrdiff_t>(model.shape().vocab);
  for (auto at = all.begin(); at != all.end(); at += vocab) r.logits.emplace_back(at, at + vocab);
  r.add_choices(pass.found());
  return r;
}

/// The first `prompt` tokens at once, then one after another.
template <class Model>
reading piece_by_piece(const Model& model, const std::vector<id_type>& tokens, std::size_t prompt) {
  reading r;
  generator reader(model);
  kv_cache<B> cache = model.make_cache();  // the same by hand, to see the choices
  batch<B> data;
  for (std::size_t at = 0; at < tokens.size();) {
    const std::size_t count = at == 0 ? prompt : 1;
    const auto piece = std::span(tokens).subspan(at, count);
    r.logits.push_back(reader.read(piece));
    data.assign(piece, {}, 1, model.shape().vocab);
    context<B> ctx;
    ctx.cache = &cache;
    auto pass = model.begin(Model::reading(ctx, data));
    const std::vector<double> all = model.logits({}, model.hidden(pass)).value().to_host();
    CHECK(largest_error(r.logits.back(), {all.end() - model.shape().vocab, all.end()}) < 1e-12);
    r.add_choices(pass.found());
    at += count;
  }
  return r;
}

void check_reading(std::string_view name) {
  INFO(name);
  sizes s = gmoe_test::small_sizes();
  s.positions = 9;
  any_card card = make_card(name);
  for (const auto& [number, value] :
       {std::pair{"capacity.factor", "0.75"}, std::pair{"balance.alpha", "0.3"}, std::pair{"experts.granularity", "2"},
        // What is drawn is drawn anew in every pass.
        std::pair{"select.draws_in_evaluation", "false"}, std::pair{"router.draws_in_evaluation", "false"}})
    if (has_setting(card, number)) change_setting(card, number, value);
  const auto made = make_model<B>(card, s);
  any_model<B>& model = *made;
  gmoe_test::randomise(model);
  const std::vector<id_type> tokens{3, 9, 10, 3, 7, 4, 4, 0, 5};
  const reading whole = in_one_pass(model, tokens);
  for (const std::size_t prompt : {std::size_t{1}, std::size_t{4}, tokens.size()}) {
    CAPTURE(prompt);
    const reading pieces = piece_by_piece(model, tokens, prompt);
    CHECK(pieces.chosen == whole.chosen);
    CHECK(pieces.kept == whole.kept);
    REQUIRE(pieces.logits.size() == tokens.size() - prompt + 1);
    for (std::size_t i = 0; i < pieces.logits.size(); ++i)
      CHECK(largest_error(pieces.logits[i], whole.logits[i + prompt - 1]) < 1e-12);
  }
}

}  // namespace

TEST_CASE("model/token_by_token: every card reads piece by piece what it reads in one pass") {
  for (const card_text& text : all_cards::texts)
    if (make_card(text.name).reach(false).how <= reach::past) check_reading(text.name);  // others refuse to generate
}
