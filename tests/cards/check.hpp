#pragma once
/// Cards by their names, as programs make them, against references written straight from their equations.
///
///     const card_case c{.card = "omni-router", .set = {{"select.k", "2"}}};
///     my_reference equations(...);                    // a naive::mixture
///     check_equations(c, equations);                  // losses, choices, every gradient; in double and in float
///     check_gradients(c);                             // finite differences
///     check_reading(c);                               // token by token is one pass

#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "backends.hpp"
#include "gmoe/model/any_model.hpp"
#include "gmoe/model/generate.hpp"
#include "moe_checks.hpp"

namespace gmoe_test {

/// A small model of a card.
struct card_case {
  std::string card;
  numbers set{};
  gmoe::sizes shape = small_sizes();
  index_t batch = 2, sequence = 5;
  bool training = true;
  std::int64_t step = 0;      ///< that the model has come to
  std::uint64_t weights = 1;  ///< seed of the weights
};

/// The card with the numbers of the case.
inline gmoe::any_card card_of(const card_case& c) { return card_with(c.card, c.set); }

/// Its model, with weights large enough that every path matters. One that must see the text first has counted that of
/// the case.
template <class B>
std::unique_ptr<gmoe::any_model<B>> model_of(const card_case& c) {
  auto model = gmoe::make_model<B, GMOE_TEST_CARDS>(card_of(c), c.shape);
  randomise(*model, c.weights);
  if (model->needs_preparation()) {
    std::vector<std::int64_t> counts(static_cast<std::size_t>(c.shape.vocab), 1);
    for (const id_type id : text(c.batch, c.sequence, c.shape.vocab).tokens) ++counts[static_cast<std::size_t>(id)];
    model->prepare(counts);
  }
  model->set_step(c.step);
  model->before_step(c.step);
  return model;
}

/// Which blocks have a mixture.
inline std::vector<bool> mixed_blocks(const card_case& c) {
  const gmoe::any_card card = card_of(c);
  std::vector<bool> mixed;
  for (index_t b = 0; b < c.shape.layers; ++b) mixed.push_back(card.has_mixture(c.shape, b));
  return mixed;
}

/// Losses, choices and every gradient of one backend against the equations. Returns what the pass found.
template <class B, class Reference>
gmoe::findings<B> check_equations_on(const card_case& c, Reference equations) {
  CAPTURE(c.card);
  const auto model = model_of<B>(c);
  // Floats that add up in another order differ; what is chosen between nearly equal scores then would, too.
  const double exact = std::is_same_v<typename B::scalar, float> ? 1e-4 : 1e-10;
  return compare_with_naive(*model, equations, mixed_blocks(c), text(c.batch, c.sequence, c.shape.vocab), c.training,
                            false, exact);
}
/// In double, to 1e-10 (gradients 1e-9), and in float, to 1e-4 (1e-3). `equations` is copied for each pass. Returns
/// what the pass in double found.
template <class Reference>
gmoe::findings<GMOE_TEST_BACKEND<double>> check_equations(const card_case& c, const Reference& equations) {
  static_assert(std::is_base_of_v<naive::mixture, Reference>);
#if defined(GMOE_TEST_EITHER)  // compiled in double alone
  if (!on_thrust()) check_equations_on<gmoe::cpu<float>>(c, equations);
#elif !defined(GMOE_TEST_THRUST)
  check_equations_on<GMOE_TEST_BACKEND<float>>(c, equations);
#endif
  return check_equations_on<GMOE_TEST_BACKEND<double>>(c, equations);
}

/// Every gradient against finite differences, in double, along random signs: element by element the gradients are held
/// against the equations. What is cut from the gradient must be cut in nothing that the differences move, else the case
/// does not fit.
inline void check_gradients(const card_case& c) {
  using B = GMOE_TEST_BACKEND<double>;
  CAPTURE(c.card);
  const auto model = model_of<B>(c);
  const text t(c.batch, c.sequence, c.shape.vocab);
  const gmoe::gradient_report report = differences_along_signs<B>(
      model->parameters(), [&](gmoe::tape<B>* tape) { return losses_of(*model, t, c.training, tape).total; });
  INFO(report.where, ": ", report.analytic, " by the tape, ", report.numeric, " by differences");
  CHECK(report.worst < 1e-6);
}

/// Everything that two models of one shape say of a text: for cards that must be the same in some setting. The second
/// gets the first one's weights where names are equal.
inline void check_same(const card_case& a, const card_case& b, double exact = 1e-12) {
  using B = GMOE_TEST_BACKEND<double>;
  CAPTURE(a.card);
  CAPTURE(b.card);
  const auto one = model_of<B>(a), other = model_of<B>(b);
  const text t(a.batch, a.sequence, a.shape.vocab);
  const auto x = losses_of(*one, t, a.training), y = losses_of(*other, t, b.training);
  CHECK(x.language.value().item() == doctest::Approx(y.language.value().item()).epsilon(exact));
  CHECK(x.total.value().item() == doctest::Approx(y.total.value().item()).epsilon(exact));
}

/// Reading a text token by token, after a prompt of any length, is reading it in one pass: logits and choices.
inline void check_reading(const card_case& c) {
  using B = GMOE_TEST_BACKEND<double>;
  CAPTURE(c.card);
  const auto model = model_of<B>(c);
  const std::vector<id_type> tokens = text(1, c.shape.positions, c.shape.vocab).tokens;
  const auto read = [&](std::span<const id_type> piece, gmoe::kv_cache<B>* cache, std::vector<double>& logits,
                        std::vector<std::vector<id_type>>& kept) {
    gmoe::batch<B> data;
    data.assign(piece, {}, 1, c.shape.vocab);
    gmoe::context<B> ctx;
    ctx.step = model->step();
    ctx.cache = cache;
    auto pass = model->begin(gmoe::any_model<B>::reading(ctx, data));
    const auto more = model->logits({}, model->hidden(pass)).value().to_host();
    logits.insert(logits.end(), more.begin(), more.end());
    kept.resize(pass.found().routings.size());
    for (std::size_t l = 0; l < kept.size(); ++l)
      for (const id_type e : pass.found().routings[l].kept.to_host())
        if (e != gmoe::no_choice) kept[l].push_back(e);
  };
  std::vector<double> whole;
  std::vector<std::vector<id_type>> whole_kept;
  read(tokens, nullptr, whole, whole_kept);
  for (const std::size_t prompt : {std::size_t{1}, std::size_t{3}}) {
    CAPTURE(prompt);
    gmoe::kv_cache<B> cache = model->make_cache();
    std::vector<double> pieces;
    std::vector<std::vector<id_type>> kept;
    read(std::span(tokens).first(prompt), &cache, pieces, kept);
    for (std::size_t at = prompt; at < tokens.size(); ++at)
      read(std::span(tokens).subspan(at, 1), &cache, pieces, kept);
    CHECK(kept == whole_kept);
    REQUIRE(pieces.size() == whole.size());
    double worst = 0;
    for (std::size_t i = 0; i < whole.size(); ++i) {
      const double error = std::abs(pieces[i] - whole[i]);
      worst = error <= worst ? worst : error;  // a NaN stays
    }
    CHECK(worst < 1e-11);
  }
}

/// The products of a forward pass that the card's cost counts are those that the equations take.
template <class Reference>
void check_products(const card_case& c, Reference equations) {
  CAPTURE(c.card);
  naive::settings how;
  how.batch = static_cast<std::size_t>(c.batch);
  how.sequence = static_cast<std::size_t>(c.sequence);
  how.heads = static_cast<std::size_t>(c.shape.heads);
  const text t(c.batch, c.sequence, c.shape.vocab);
  const std::vector<int> tokens(t.tokens.begin(), t.tokens.end());
  const auto model = model_of<model_backend>(c);
  const naive::weights w = weights_of(model->parameters());
  naive::multiply_adds = 0;
  naive::run(equations, mixed_blocks(c), how, w, tokens, tokens);  // every position is scored
  const gmoe::model_cost cost = card_of(c).cost(c.shape);
  CHECK(static_cast<double>(naive::multiply_adds) / static_cast<double>(tokens.size()) ==
        static_cast<double>(cost.multiply_adds + gmoe::attention_multiply_adds(c.shape, c.sequence)));
}

/// What a card says to numbers that do not fit.
inline std::string refusal(const card_case& c) {
  return config_message([&] { gmoe::make_model<GMOE_TEST_BACKEND<double>, GMOE_TEST_CARDS>(card_of(c), c.shape); });
}

}  // namespace gmoe_test
