#pragma once
// Code of docs/backends.md, run by tests/backend/eigen/bf16.cpp, which has compiled its operations anyway.
#include "gmoe/backend/bf16.hpp"
#include "gmoe/data/corpus.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/train/train.hpp"

namespace mixed_precision {

// [mixed]
/// With #include "gmoe/backend/bf16.hpp": products in bfloat16, all else in float.
using mixed = gmoe::cpu<float, gmoe::bf16_products>;

double train_in_mixed_precision(const gmoe::corpus& text) {
  gmoe::language_model<gmoe::gmoe_card, mixed> model{{.positions = 64, .d_model = 64, .layers = 2, .experts = 2}};
  return gmoe::train(model, text.bytes(), {.steps = 3, .batch = 4, .sequence = 64}).loss;
}
// [/mixed]

}  // namespace mixed_precision
