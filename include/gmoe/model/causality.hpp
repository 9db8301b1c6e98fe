#pragma once
/// How far a model really looks: measured by changing the future and the neighbours.

#include <cmath>
#include <vector>

#include "gmoe/model/evaluation_context.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/moe/card_reach.hpp"

namespace gmoe {

/// What `check_causality` saw.
struct causality_report {
  reach measured = reach::token;
  double worst = 0;  ///< the largest change of a hidden state by tokens that it may not see
};

/// Runs two sequences of `length` random tokens, then others that differ in the second half of the first sequence, and
/// in the second sequence, and says what changed in the first half of the first: nothing (a reach of the past at most),
/// by the future (`sequence`), or by the neighbour (`batch`). In evaluation, or as in training.
template <class Model>
causality_report check_causality(const Model& model, index_t length, bool training = false, std::uint64_t seed = 42) {
  using B = typename Model::backend_type;
  require(length >= 2 && length <= model.shape().positions, "check_causality: length is ", length, ", expected 2 to ",
          model.shape().positions);
  const random_stream random = random_stream(seed).fork("causality");
  const auto vocab = static_cast<std::uint64_t>(model.shape().vocab);
  std::vector<id_type> ids(static_cast<std::size_t>(2 * length));
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<id_type>(random.below(i, vocab));
  const auto hidden = [&](const std::vector<id_type>& tokens) {
    batch<B> data;
    data.assign(tokens, {}, 2, model.shape().vocab);
    context<B> ctx = evaluation_context(model, 0);
    ctx.training = training;
    return model.hidden(Model::reading(ctx, data)).value().to_host();
  };
  const auto changed = [&](index_t first, index_t end) {
    std::vector<id_type> other = ids;
    for (index_t i = first; i < end; ++i) {
      id_type& id = other[static_cast<std::size_t>(i)];
      id = static_cast<id_type>((static_cast<std::uint64_t>(id) + 1 + random.below(1000 + i, vocab - 1)) % vocab);
    }
    const auto before = hidden(ids), after = hidden(other);
    double worst = 0;
    for (index_t i = 0; i < length / 2 * model.shape().d_model; ++i) {
      const auto at = static_cast<std::size_t>(i);
      worst = std::fmax(worst, std::abs(static_cast<double>(before[at]) - static_cast<double>(after[at])));
    }
    return worst;
  };
  require(vocab > 1, "check_causality: a vocabulary of one token cannot change");
  // Products of other shapes may round otherwise; the shapes here are the same.
  if (const double by_others = changed(length, 2 * length); by_others > 0) return {reach::batch, by_others};
  if (const double by_future = changed(length / 2, length); by_future > 0) return {reach::sequence, by_future};
  return {reach::past, 0};
}

}  // namespace gmoe
