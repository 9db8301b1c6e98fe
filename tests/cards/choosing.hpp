#pragma once
/// Checks of cards that differ in selection: their buffers, what they hear after a step, how far they look.

#include "cards/check.hpp"
#include "cards/paired_equations.hpp"
#include "gmoe/model/causality.hpp"

namespace gmoe_test {

/// Every buffer of the model whose name ends so gets random numbers around `mean`, small ones.
template <class B>
void randomise_buffers(gmoe::any_model<B>& model, const std::string& name, double mean) {
  model.each_buffer([&](gmoe::buffer<B>& b) {
    if (!b.name().ends_with(name)) return;
    const gmoe::random_stream random = gmoe::random_stream(3).fork(b.name());
    std::vector<typename B::scalar> v(static_cast<std::size_t>(b.value().size()));
    for (std::size_t i = 0; i < v.size(); ++i)
      v[i] = static_cast<typename B::scalar>(mean * (0.6 + 0.8 * random.uniform(i)));
    b.value() = gmoe::matrix<B>::from_host(v, b.value().rows(), b.value().cols());
  });
}
/// The numbers of a buffer, layer by layer.
template <class B>
std::vector<std::vector<double>> buffers_of(gmoe::any_model<B>& model, const std::string& name) {
  std::vector<std::vector<double>> all;
  model.each_buffer([&](gmoe::buffer<B>& b) {
    if (!b.name().ends_with(name)) return;
    const auto v = b.value().to_host();
    all.emplace_back(v.begin(), v.end());
  });
  return all;
}

/// What the model hears after one training pass over the text of the case, as its step number c.step.
template <class B>
void hear_one_step(gmoe::any_model<B>& model, const card_case& c) {
  gmoe::step_statistics<B> seen;
  seen.add(losses_of(model, text(c.batch, c.sequence, c.shape.vocab), true).found);
  model.after_step(c.step, seen);
}

/// It looks at the batch in training and at no later token in evaluation; padding is nobody.
inline void check_looks_ahead_in_training_alone(const card_case& c) {
  using B = GMOE_TEST_BACKEND<double>;
  const auto model = model_of<B>(c);
  CHECK(gmoe::check_causality(*model, 6, true).measured == gmoe::reach::batch);
  CHECK(gmoe::check_causality(*model, 6).measured <= gmoe::reach::past);
  CHECK(card_of(c).reach(true).how == gmoe::reach::batch);
  CHECK(card_of(c).reach(false).how <= gmoe::reach::past);
  for (const bool training : {true, false}) check_padding(*model, training);
}

}  // namespace gmoe_test
