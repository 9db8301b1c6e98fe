#pragma once
/// How far a model really looks: measured by changing the future and the neighbours.

#include <cmath>
#include <limits>
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

/// Runs two sequences of `length` random tokens and others that differ in one sequence, and looks for changes in the
/// other (then the reach is `batch`); then ones that differ in the second half of a sequence, and looks at its first
/// half
/// (`sequence`). Else it is the past at most. In evaluation, or as in training. Changes below rounding, a share of the
/// largest hidden state, are none: products of other shapes may round otherwise.
template <class Model>
causality_report check_causality(const Model& model, index_t length, bool training = false, std::uint64_t seed = 42) {
  using B = typename Model::backend_type;
  require(length >= 2 && length <= model.shape().positions, "check_causality: length is ", length, ", expected 2 to ",
          model.shape().positions);
  const auto vocab = static_cast<std::uint64_t>(model.shape().vocab);
  require(vocab > 1, "check_causality: a vocabulary of one token cannot change");
  const random_stream random = random_stream(seed).fork("causality");
  std::vector<id_type> ids(static_cast<std::size_t>(2 * length));
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<id_type>(random.below(i, vocab));
  const auto hidden = [&](const std::vector<id_type>& tokens) {
    batch<B> data;
    data.assign(tokens, {}, 2, model.shape().vocab);
    context<B> ctx = evaluation_context(model, 0);
    ctx.training = training;
    return model.hidden(Model::reading(ctx, data)).value().to_host();
  };
  const auto before = hidden(ids);
  double largest = 0;
  for (const auto h : before) largest = std::fmax(largest, std::abs(static_cast<double>(h)));
  const double rounding = std::sqrt(std::numeric_limits<typename B::scalar>::epsilon()) * largest;

  struct range {
    index_t first, count;
  };
  // The largest change at some tokens when others are changed.
  const auto change_of = [&](range seen, range changed) {
    std::vector<id_type> other = ids;
    for (index_t i = changed.first; i < changed.first + changed.count; ++i) {
      id_type& id = other[static_cast<std::size_t>(i)];
      const std::uint64_t by = 1 + random.below(static_cast<std::uint64_t>(1000 + i), vocab - 1);
      id = static_cast<id_type>((static_cast<std::uint64_t>(id) + by) % vocab);
    }
    const auto after = hidden(other);
    double worst = 0;
    for (index_t i = seen.first * model.shape().d_model; i < (seen.first + seen.count) * model.shape().d_model; ++i) {
      const auto at = static_cast<std::size_t>(i);
      worst = std::fmax(worst, std::abs(static_cast<double>(before[at]) - static_cast<double>(after[at])));
    }
    return worst > rounding ? worst : 0;
  };
  const range first{0, length}, second{length, length}, half{0, length / 2}, rest{length / 2, length - length / 2};
  if (const double by_others = std::fmax(change_of(first, second), change_of(second, first)); by_others > 0)
    return {reach::batch, by_others};
  if (const double by_future = change_of(half, rest); by_future > 0) return {reach::sequence, by_future};
  return {reach::past, 0};
}

}  // namespace gmoe
