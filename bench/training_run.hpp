#pragma once
/// A GMoE in training on a synthetic text, on any backend.

#include <span>
#include <vector>

#include "gmoe/model/cards.hpp"
#include "gmoe/model/generate.hpp"
#include "gmoe/train/evaluate.hpp"
#include "gmoe/train/trainer.hpp"
#include "subjects.hpp"

namespace gmoe::bench {

template <class B>
struct training_run {
  using model_type = language_model<gmoe_card, B>;

  explicit training_run(const subject& s)
      : what(s),
        text(synthetic_text(s.shape.vocab, 64 * s.batch * s.sequence + 1)),
        model(s.shape),
        train(model, std::span<const id_type>(text),
              {.steps = 1'000'000, .batch = s.batch, .sequence = s.sequence, .learning_rate = 1e-3}) {}

  index_t tokens() const { return what.batch * what.sequence; }
  index_t parameters() {
    index_t count = 0;
    model.each_parameter([&](const parameter<B>& p) { count += p.size(); });
    return count;
  }
  void step() { train.step(); }
  /// visit(findings) of a pass over the first batch.
  void look(const auto& visit) const {
    evaluate(model, std::span<const id_type>(text), what.sequence, what.batch, 1,
             [&](const losses<B>& l) { visit(l.found); });
  }
  void evaluate_batch() { evaluate(model, std::span<const id_type>(text), what.sequence, what.batch, 1); }
  void generate_tokens(index_t count) {
    const std::vector<id_type> prompt(text.begin(), text.begin() + 16);
    gmoe::generate(model, std::span<const id_type>(prompt), {.tokens = count, .temperature = 0});
  }

  subject what;
  std::vector<id_type> text;
  model_type model;
  trainer<model_type, id_type> train;
};

}  // namespace gmoe::bench
