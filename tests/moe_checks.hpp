#pragma once
/// Models with random weights, compared with the reference of naive_moe.hpp and with finite differences.

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backends.hpp"
#include "differences.hpp"
#include "drawn.hpp"
#include "gmoe/model/any_model.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/moe/settings.hpp"
#include "gmoe/moe/step_statistics.hpp"
#include "naive_moe.hpp"

// Cards by name come compiled. Compiling one file by hand, without them, takes less time with those cards alone that it
// asks for: -DGMOE_TEST_CARDS='gmoe::card_list<gmoe::smoe_card>'
#if !defined(GMOE_TEST_CARDS)
#define GMOE_TEST_CARDS gmoe::all_cards
#endif

namespace gmoe_test {

using gmoe::id_type;
using gmoe::index_t;
/// The backend of model tests: double, so that differences mean something.
using model_backend = GMOE_TEST_BACKEND<double>;

/// Small, and no two sizes equal.
inline gmoe::sizes small_sizes() {
  gmoe::sizes s;
  s.vocab = 11;
  s.positions = 7;
  s.d_model = 8;
  s.layers = 3;
  s.heads = 2;
  s.d_ff = 12;
  s.experts = 4;
  return s;
}

/// The card with numbers that let its parts be seen: something is dropped, and balance matters.
template <class Card>
Card small_card() {
  Card card{};
  for (const auto& [name, value] : {std::pair{"capacity.factor", "0.75"}, std::pair{"balance.alpha", "0.3"}})
    if (gmoe::has_setting<Card>(name)) gmoe::change_setting(card, name, value);
  return card;
}
/// Numbers by name, such as {"select.k", "2"}.
using numbers = std::vector<std::pair<std::string, std::string>>;
/// The card of that name with the numbers of `set`.
template <class List = GMOE_TEST_CARDS>
gmoe::any_card card_with(std::string_view name, const numbers& set) {
  gmoe::any_card card = gmoe::make_card<List>(name);
  for (const auto& [path, value] : set) gmoe::change_setting(card, path, value);
  return card;
}
/// The same as small_card<Card>(), and then with those of `set`.
template <class List = GMOE_TEST_CARDS>
gmoe::any_card small_card(std::string_view name, const numbers& set = {}) {
  gmoe::any_card card = gmoe::make_card<List>(name);
  for (const auto& [path, value] : {std::pair{"capacity.factor", "0.75"}, std::pair{"balance.alpha", "0.3"}})
    if (gmoe::has_setting(card, path)) gmoe::change_setting(card, path, value);
  for (const auto& [path, value] : set) gmoe::change_setting(card, path, value);
  return card;
}
/// The number of the card by that name; 0 where it has none.
inline double setting_of(gmoe::any_card card, std::string_view name) {
  double found = 0;
  for (const gmoe::setting& s : card.settings())
    if (s.path() == name) REQUIRE(gmoe::from_text(s.text(), found));
  return found;
}
template <class Card>
double setting_of(const Card& card, std::string_view name) {
  double found = 0;
  gmoe::each_setting(card, [&](const gmoe::setting& s) {
    if (s.path() == name) REQUIRE(gmoe::from_text(s.text(), found));
  });
  return found;
}
/// A model of both.
template <class Card>
gmoe::language_model<Card, model_backend> small_model(const gmoe::sizes& s = small_sizes()) {
  return gmoe::language_model<Card, model_backend>(s, small_card<Card>());
}
/// One of the card of that name.
template <class List = GMOE_TEST_CARDS>
std::unique_ptr<gmoe::any_model<model_backend>> small_model(std::string_view name, const gmoe::sizes& s = small_sizes(),
                                                            const numbers& set = {}) {
  return gmoe::make_model<model_backend, List>(small_card<List>(name, set), s);
}

/// Weights large enough that every path matters; equal for equal names.
template <class B>
void randomise(const std::vector<gmoe::parameter<B>*>& parameters, std::uint64_t seed) {
  for (gmoe::parameter<B>* const p : parameters) {
    const gmoe::random_stream random = gmoe::random_stream(seed).fork(p->name());
    const bool gain = p->rows() == 1 && p->name().ends_with("weight");
    std::vector<typename B::scalar> v(static_cast<std::size_t>(p->size()));
    for (std::size_t i = 0; i < v.size(); ++i)
      v[i] = static_cast<typename B::scalar>((gain ? 1 : 0) + (p->rows() == 1 ? 0.3 : 0.5) * random.normal(i));
    if (!v.empty()) B::upload(p->value().data(), v.data(), v.size() * sizeof(v[0]));
  }
}
template <class Model>
void randomise(Model& model, std::uint64_t seed = 1) {
  randomise(model.parameters(), seed);
}

/// The parameter of that name.
template <class Model>
auto& named(Model& model, const std::string& name) {
  for (auto* p : model.parameters())
    if (p->name() == name) return *p;
  throw gmoe::config_error("no parameter " + name);
}

/// Token ids and targets; a few targets are not scored.
struct text {
  index_t batch, sequence;
  std::vector<id_type> tokens, targets;

  text(index_t b, index_t s, index_t vocab, std::uint64_t seed = 5) : batch(b), sequence(s) {
    const gmoe::random_stream random(seed);
    for (index_t i = 0; i < b * s; ++i) {
      const auto at = static_cast<std::uint64_t>(i);
      tokens.push_back(static_cast<id_type>(random.below(2 * at, static_cast<std::uint64_t>(vocab))));
      targets.push_back(i % 7 == 5 ? gmoe::no_target
                                   : static_cast<id_type>(random.below(2 * at + 1, static_cast<std::uint64_t>(vocab))));
    }
  }
  template <class B>
  gmoe::batch<B> on(index_t vocab) const {
    gmoe::batch<B> data;
    data.assign(tokens, targets, batch, vocab);
    return data;
  }
};

/// A forward pass of the library, in the step that the model has come to; `tape` may be null.
template <class Model>
gmoe::losses<typename Model::backend_type> losses_of(const Model& model, const text& t, bool training,
                                                     gmoe::tape<typename Model::backend_type>* tape = nullptr) {
  using B = typename Model::backend_type;
  gmoe::context<B> ctx;
  ctx.tape = tape;
  ctx.training = training;
  ctx.step = model.step();
  ctx.random = step_random;
  ctx.step = model.step();
  return model.loss(ctx, t.on<B>(model.shape().vocab));
}

/// The papers' draws.
inline double second_choice_draw(std::size_t block, std::size_t token) {
  return drawn("second_choice_draw", block, token);
}

template <class B>
naive::weights weights_of(const std::vector<gmoe::parameter<B>*>& parameters) {
  naive::weights w;
  for (const gmoe::parameter<B>* const p : parameters) {
    naive::weight copy{static_cast<std::size_t>(p->rows()), static_cast<std::size_t>(p->cols()), {}};
    for (const auto v : p->value().to_host()) copy.values.push_back(naive::number::leaf(static_cast<double>(v)));
    w[p->name()] = copy;
  }
  return w;
}

/// The losses of a model and their gradients, those of `parameters`, against the ones of the reference. `exact`: the
/// allowed error of losses; gradients may be ten times as far off.
template <class B>
void compare_with_naive(const gmoe::losses<B>& l, gmoe::tape<B>& tape,
                        const std::vector<gmoe::parameter<B>*>& parameters, const naive::weights& w,
                        const naive::result& expected, double exact) {
  CHECK(static_cast<double>(l.language.value().item()) == doctest::Approx(expected.language.value()).epsilon(exact));
  CHECK(static_cast<double>(l.total.value().item()) == doctest::Approx(expected.total.value()).epsilon(exact));
  CHECK(bool(l.balance) == !expected.losses.empty());
  if (l.balance) {
    const double all = expected.total.value() - expected.language.value();
    CHECK(static_cast<double>(l.balance.value().item()) ==
          doctest::Approx(all).epsilon(exact).scale(std::abs(expected.total.value())));
  }
  std::map<std::string, double> added;
  for (const auto& loss : l.found.losses)
    added[std::string(loss.name)] += static_cast<double>(loss.value.value().item());
  for (const auto& [name, sum] : added) {
    INFO(name);
    REQUIRE(expected.losses.count(name) == 1);
    CHECK(sum == doctest::Approx(expected.losses.at(name).value()).epsilon(exact).scale(1));
  }
  for (const auto& [name, sum] : expected.losses) CHECK((name == "balance" || added.count(name) == 1));

  const auto& routings = l.found.routings;
  REQUIRE(routings.size() == expected.layers.size());
  for (std::size_t layer = 0; layer < expected.layers.size(); ++layer) {
    // Every choice, without empty slots; what the reference leaves empty need not be at the same place.
    const auto rows = [](const gmoe::id_matrix<B>& ids) {
      std::vector<std::vector<int>> all(static_cast<std::size_t>(ids.rows()));
      const auto flat = ids.to_host();
      for (std::size_t i = 0; i < flat.size(); ++i)
        if (flat[i] != gmoe::no_choice) all[i / static_cast<std::size_t>(ids.cols())].push_back(flat[i]);
      return all;
    };
    const auto chosen_ones = [](std::vector<std::vector<int>> all) {
      for (auto& row : all) std::erase(row, -1);
      return all;
    };
    CAPTURE(layer);
    CHECK(rows(routings[layer].chosen) == chosen_ones(expected.layers[layer].chosen));
    CHECK(rows(routings[layer].kept) == chosen_ones(expected.layers[layer].kept));
  }

  tape.backward(l.total);
  const std::vector<double> derivatives = naive::number::derivatives(expected.total);
  std::size_t compared = 0;
  for (gmoe::parameter<B>* const p : parameters) {
    const naive::weight& mine = w.at(p->name());
    const auto gradient = p->gradient().to_host();
    double worst = 0, largest = 1e-3;
    for (std::size_t i = 0; i < gradient.size(); ++i) {
      const double d = p->trained() ? derivatives[mine.values[i].place()] : 0, got = static_cast<double>(gradient[i]);
      worst = std::max(worst, std::abs(got - d));
      if (!(got == got)) worst = 1e300;
      largest = std::max(largest, std::abs(d));
    }
    INFO(p->name());
    CHECK(worst / largest < 10 * exact);
    ++compared;
    p->forget_gradient();
  }
  CHECK(compared == w.size());
}

/// Losses by name, routing and every gradient of `model`, which may be an any_model, against mixtures of the reference
/// in the blocks `mixed`. Returns what the pass found.
template <class Model>
gmoe::findings<typename Model::backend_type> compare_with_naive(Model& model, naive::mixture& mixtures,
                                                                const std::vector<bool>& mixed, const text& t,
                                                                bool training, bool relu_dense = false,
                                                                double exact = 1e-11) {
  using B = typename Model::backend_type;
  const gmoe::sizes& s = model.shape();
  naive::settings how;
  how.batch = static_cast<std::size_t>(t.batch);
  how.sequence = static_cast<std::size_t>(t.sequence);
  how.heads = static_cast<std::size_t>(s.heads);
  how.epsilon = s.layer_norm_epsilon;
  how.training = training;
  how.step = static_cast<std::size_t>(model.step());
  how.relu_dense = relu_dense;
  how.draw = drawn;
  naive::number::start();
  const naive::weights w = weights_of(model.parameters());
  const naive::result expected =
      naive::run(mixtures, mixed, how, w, {t.tokens.begin(), t.tokens.end()}, {t.targets.begin(), t.targets.end()});
  gmoe::tape<B> tape;
  auto l = losses_of(model, t, training, &tape);
  compare_with_naive(l, tape, model.parameters(), w, expected, exact);
  return std::move(l.found);
}

/// The same against the reference of a card of the library.
template <class Model>
gmoe::findings<typename Model::backend_type> compare_with_naive(
    Model& model, naive::variant v, const text& t, bool training,
    const std::function<double(std::size_t, std::size_t, std::size_t)>& jitter = {}) {
  v.capacity_factor = setting_of(model.card(), "capacity.factor");
  v.alpha = setting_of(model.card(), "balance.alpha");
  v.draw = second_choice_draw;
  v.jitter = jitter;
  naive::variant_mixture mixtures(v);
  return compare_with_naive(model, mixtures, v.mixture, t, training, v.relu_dense);
}

/// How many pairs a pass dropped.
template <class B>
index_t dropped(const gmoe::findings<B>& found) {
  index_t count = 0;
  for (const auto& r : found.routings) {
    const auto chosen = r.chosen.to_host(), kept = r.kept.to_host();
    for (std::size_t i = 0; i < kept.size(); ++i) count += chosen[i] != gmoe::no_choice && kept[i] == gmoe::no_choice;
  }
  return count;
}

/// A sequence with padding behind it, beside one that is nothing but padding, is the sequence alone.
template <class Model>
void check_padding(const Model& model, bool training) {
  using B = typename Model::backend_type;
  const index_t vocab = model.shape().vocab;
  const text t(1, 3, vocab);
  std::vector<id_type> tokens = t.tokens, targets = t.targets;
  tokens.resize(10, 7);
  targets.resize(10, gmoe::no_target);
  gmoe::batch<B> padded;
  padded.assign(tokens, targets, 2, vocab, std::vector<index_t>{3, 0});
  gmoe::context<B> ctx;
  ctx.training = training;
  const auto alone = model.loss(ctx, t.on<B>(vocab)), beside = model.loss(ctx, padded);
  CHECK(beside.language.value().item() == doctest::Approx(alone.language.value().item()).epsilon(1e-12));
  CHECK(bool(beside.balance) == bool(alone.balance));
  if (alone.balance)
    CHECK(beside.balance.value().item() == doctest::Approx(alone.balance.value().item()).epsilon(1e-12));
  REQUIRE(beside.found.routings.size() == alone.found.routings.size());
  gmoe::step_statistics<B> few, many;
  few.add(alone.found);
  many.add(beside.found);
  for (std::size_t i = 0; i < alone.found.routings.size(); ++i) {
    const auto &one = alone.found.routings[i], &other = beside.found.routings[i];
    for (const auto part : {&gmoe::routing<B>::chosen, &gmoe::routing<B>::kept}) {
      std::vector<id_type> expected = (one.*part).to_host();
      if (!one.rows) expected.resize(expected.size() / 3 * 10, gmoe::no_choice);  // else those of tokens that go on
      CHECK((other.*part).to_host() == expected);
    }
    const auto a = few.of(one.layer, one.experts), b = many.of(other.layer, other.experts);
    CHECK(b.load == a.load);
    CHECK(b.tokens == a.tokens);
    REQUIRE(b.rows.size() == a.rows.size());
    for (std::size_t n = 0; n < a.rows.size(); ++n)
      for (std::size_t j = 0; j < a.rows[n].values.size(); ++j)
        CHECK(b.rows[n].values[j] == doctest::Approx(a.rows[n].values[j]).epsilon(1e-12));
  }
}

/// Every gradient of the total loss of a model.
template <class Model>
gmoe::gradient_report differences(Model& model, const text& t, bool training) {
  using B = typename Model::backend_type;
  return differences_of<B>(model.parameters(),
                           [&](gmoe::tape<B>* tape) { return losses_of(model, t, training, tape).total; });
}

/// The place of the first error message of `f` that is a config_error; "" if none is thrown.
template <class F>
std::string config_message(const F& f) {
  try {
    f();
  } catch (const gmoe::config_error& e) {
    return e.what();
  }
  return "";
}

}  // namespace gmoe_test
