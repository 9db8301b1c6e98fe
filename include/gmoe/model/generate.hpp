#pragma once
/// Generating text token by token, with a cache of keys and values: each new token is one row through the model.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "gmoe/core/random.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/moe/card_reach.hpp"

namespace gmoe {

/// How the next token is drawn.
struct sampling {
  index_t tokens = 200;      ///< how many to generate
  double temperature = 0.8;  ///< divides the logits; 0 always takes the most likely token
  index_t top_k = 40;        ///< only the k most likely tokens; 0: all
  index_t context = 0;       ///< positions to use, at most the model's; 0: all. Positions never trained on say nothing
  std::uint64_t seed = 42;
};

/// Reads one sequence and keeps its keys and values, and what policies keep from position to position. Several
/// generators read several sequences with one model.
/// What draws random numbers in generation draws anew in every pass, from `random`.
template <class Model>
class generator {
  using B = typename Model::backend_type;
  using scalar = typename B::scalar;

 public:
  /// Uses the first `context` positions; 0: all that the model has.
  explicit generator(const Model& model, index_t context = 0, random_stream random = random_stream())
      : model_(model),
        positions_(context == 0 ? model.shape().positions : context),
        random_(random),
        cache_(model.make_cache()) {
    const card_reach widest = reach_of_card(model.card(), false);
    require(widest.how <= reach::past, "the card ", text_of_card(model.card()).name,
            " cannot generate token by token: its answer to '", widest.slot, "' looks at the whole ",
            to_text(widest.how));
    require(positions_ > 0 && positions_ <= model.shape().positions, "generator: context is ", context,
            ", expected 1 to the model's ", model.shape().positions, " positions, or 0 for all of them");
  }

  /// Reads `tokens` (at least one) after what was read before; returns the logits that follow the last one. When the
  /// positions are used up, the older half of what was read is forgotten.
  const std::vector<scalar>& read(std::span<const id_type> tokens) {
    require<data_error>(!tokens.empty(), "generator::read: no tokens were given");
    while (!tokens.empty()) {
      if (cache_.length == positions_) {
        const auto keep = static_cast<std::ptrdiff_t>(positions_ / 2);
        const std::vector<id_type> recent(history_.end() - keep, history_.end());
        forget();
        if (!recent.empty()) run(recent);
      }
      const auto room = static_cast<std::size_t>(positions_ - cache_.length);
      const auto now = tokens.first(std::min(room, tokens.size()));
      run(now);
      tokens = tokens.subspan(now.size());
    }
    return logits_;
  }
  /// Forgets everything: what is read next gives what it gave a new generator.
  void restart() {
    forget();
    passes_ = 0;
  }
  index_t length() const { return cache_.length; }

 private:
  void forget() {
    cache_.length = 0;
    history_.clear();
  }
  void run(std::span<const id_type> tokens) {
    input_.assign(tokens, {}, 1, model_.shape().vocab);
    context<B> ctx;
    ctx.cache = &cache_;
    if constexpr (requires { model_.step(); }) ctx.step = model_.step();
    ctx.random = random_.fork(passes_);
    const variable<B> all = model_.hidden(Model::reading(ctx, input_));
    history_.insert(history_.end(), tokens.begin(), tokens.end());
    ++passes_;
    matrix<B> last(1, all.cols());
    B::copy(last.data(), std::as_const(all).value().data() + (all.rows() - 1) * all.cols(),
            static_cast<std::size_t>(all.cols()) * sizeof(scalar));
    const variable<B> z = model_.logits(ctx, variable<B>(std::move(last)));
    logits_.resize(static_cast<std::size_t>(z.cols()));
    B::download(logits_.data(), z.value().data(), logits_.size() * sizeof(scalar));
  }

  const Model& model_;
  index_t positions_;
  random_stream random_;
  std::uint64_t passes_ = 0;  ///< done, since the start
  kv_cache<B> cache_;
  batch<B> input_;
  std::vector<id_type> history_;
  std::vector<scalar> logits_;
};

/// Draws a token from logits; `draw` numbers the draws of a stream. Ties go to the lower id.
template <class Scalar>
id_type sample_token(std::span<const Scalar> logits, const sampling& how, const random_stream& random,
                     std::uint64_t draw) {
  require(!logits.empty(), "sample_token: there are no logits");
  require(how.temperature >= 0, "temperature is ", how.temperature, ", expected 0 or more");
  require(how.top_k >= 0, "top_k is ", how.top_k, ", expected 0 (all tokens) or more");
  require<numeric_error>(
      std::none_of(logits.begin(), logits.end(), [](Scalar z) { return std::isnan(z) || (std::isinf(z) && z > 0); }),
      "the model's logits are not finite: it cannot generate");
  if (how.temperature == 0)
    return static_cast<id_type>(std::max_element(logits.begin(), logits.end()) - logits.begin());
  std::vector<id_type> order(logits.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<id_type>(i);
  const auto better = [&](id_type a, id_type b) {
    const auto i = static_cast<std::size_t>(a), j = static_cast<std::size_t>(b);
    return logits[i] != logits[j] ? logits[i] > logits[j] : a < b;
  };
  const std::size_t kept = how.top_k == 0 ? order.size() : std::min(order.size(), static_cast<std::size_t>(how.top_k));
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(kept), order.end(), better);
  std::vector<double> cumulative(kept);
  const double top = static_cast<double>(logits[static_cast<std::size_t>(order[0])]);
  double sum = 0;
  for (std::size_t i = 0; i < kept; ++i) {
    sum += std::exp((static_cast<double>(logits[static_cast<std::size_t>(order[i])]) - top) / how.temperature);
    cumulative[i] = sum;
  }
  require<numeric_error>(std::isfinite(sum), "the model's logits are not finite: it cannot generate");
  const double aim = random.uniform(draw) * sum;
  const auto at =
      static_cast<std::size_t>(std::upper_bound(cumulative.begin(), cumulative.end(), aim) - cumulative.begin());
  return order[std::min(at, kept - 1)];
}

/// Continues `prompt` (at least one token); `on_token(id)` sees every new token as it is made.
template <class Model, class OnToken>
std::vector<id_type> generate(const Model& model, std::span<const id_type> prompt, const sampling& how,
                              const OnToken& on_token) {
  generator<Model> reader(model, how.context, random_stream(how.seed).fork("generation"));
  const random_stream random = random_stream(how.seed).fork("sampling");
  std::vector<id_type> made;
  std::span<const id_type> next = prompt;
  id_type token = 0;
  for (index_t i = 0; i < how.tokens; ++i) {
    const auto& logits = reader.read(next);
    token = sample_token(std::span(logits), how, random, static_cast<std::uint64_t>(i));
    made.push_back(token);
    on_token(token);
    next = {&token, 1};
  }
  return made;
}
template <class Model>
std::vector<id_type> generate(const Model& model, std::span<const id_type> prompt, const sampling& how = {}) {
  return generate(model, prompt, how, [](id_type) {});
}

}  // namespace gmoe
