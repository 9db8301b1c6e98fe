#pragma once
/// Whole models on any backend, for comparing two. Eigen's results come from a file of their own, which a host compiler
/// compiles even where nvcc compiles the rest.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "gmoe/model/any_model.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/train/trainer.hpp"

namespace gmoe_test {

using namespace gmoe;

// More tokens than fit into a piece of a sum or a strip of attention, and sizes that are no multiples of anything.
inline const sizes uneven{
    .vocab = 37, .positions = 90, .d_model = 20, .layers = 3, .heads = 2, .d_ff = 27, .experts = 5, .dropout = 0.1};
/// Models of this backend come compiled: eigen_results.cpp is compiled with compiled/models.hpp, test_thrust with those
/// in double of its own.
template <class B>
consteval bool come_compiled() {
#if defined(GMOE_THRUST_MODELS)
  return std::is_same_v<typename B::scalar, double>;
#elif defined(GMOE_COMPILED_FAMILY)
  return true;
#else
  return false;
#endif
}
/// A model with a balance loss that is seen.
template <class Card, class B>
auto whole_model(const sizes& s) {
  if constexpr (come_compiled<B>()) {
    any_card card = make_card(text_of<Card>.name);
    change_setting(card, "balance.alpha", "0.1");
    return make_model<B>(card, s);
  } else {
    Card card{};
    card.balance.alpha = 0.1;
    return std::make_unique<language_model<Card, B>>(s, card);
  }
}

/// The first numbers of a fixed stream as ids below `vocab`; the low ones are frequent, as words are.
inline std::vector<id_type> some_text(index_t count, index_t vocab) {
  const random_stream random(5);
  std::vector<id_type> ids;
  for (index_t i = 0; i < count; ++i) {
    const double u = random.uniform(static_cast<std::uint64_t>(i));
    ids.push_back(static_cast<id_type>(u * u * static_cast<double>(vocab)));
  }
  return ids;
}

struct result {
  double loss = 0, balance = 0;
  std::vector<std::string> names;
  std::vector<std::vector<double>> gradients;
};

template <class Card, class B>
result losses_and_gradients() {
  constexpr index_t sequences = 3, length = 83;
  const sizes& s = uneven;
  const auto made = whole_model<Card, B>(s);
  auto& model = *made;
  const std::vector<id_type> ids = some_text(sequences * length + 1, s.vocab);
  const std::vector<id_type> tokens(ids.begin(), ids.end() - 1);
  std::vector<id_type> targets(ids.begin() + 1, ids.end());
  targets[3] = no_target;
  batch<B> data;
  data.assign(tokens, targets, sequences, s.vocab);
  tape<B> t;
  context<B> ctx;
  ctx.tape = &t;
  ctx.training = true;
  ctx.random = random_stream(11);
  const losses<B> l = model.loss(ctx, data);
  result r;
  r.loss = l.total.value().item();
  r.balance = l.balance.value().item();
  t.backward(l.total);
  model.each_parameter([&](parameter<B>& p) {
    const auto g = p.gradient().to_host();
    r.names.push_back(p.name());
    r.gradients.emplace_back(g.begin(), g.end());
  });
  return r;
}

/// 20 steps of training, without dropout.
template <class B>
std::vector<step_report> train_gmoe() {
  const auto text = some_text(2000, uneven.vocab);
  sizes s = uneven;
  s.dropout = 0;
  const auto made = whole_model<gmoe_card, B>(s);
  auto& model = *made;
  trainer train(model, std::span<const id_type>(text),
                {.steps = 20, .batch = 4, .sequence = 32, .learning_rate = 3e-3});
  std::vector<step_report> reports;
  for (int step = 0; step < 20; ++step) reports.push_back(train.step());
  return reports;
}

/// The results of cpu<double>, and of cpu<float> for the training.
template <class Card>
result on_eigen();
std::vector<step_report> training_on_eigen();

}  // namespace gmoe_test
