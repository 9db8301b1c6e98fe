#pragma once
/// The training loop: next-token prediction on windows of a token sequence.

#include <chrono>
#include <cmath>
#include <span>
#include <vector>

#include "gmoe/data/windows.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/train/adamw.hpp"
#include "gmoe/train/clip.hpp"
#include "gmoe/train/recipe.hpp"

namespace gmoe {

/// What one optimiser step did. Losses are those before the update.
struct step_report {
  std::int64_t step = 0;     ///< number of the step, from 0
  double loss = 0;           ///< total
  double language_loss = 0;  ///< nats per token
  double balance_loss = 0;
  double gradient_norm = 0;  ///< before clipping
  double learning_rate = 0;
  double seconds = 0;
  index_t tokens = 0;  ///< targets scored

  double tokens_per_second() const { return seconds > 0 ? static_cast<double>(tokens) / seconds : 0; }
};

/// Trains `Model` on `tokens` (a view that must outlive it), step by step. In the steady state a step allocates
/// nothing. The data, the dropout and everything else random of step s depend on the seed and s alone, so a run that
/// is resumed at step s continues as if it had never stopped. What a sample draws depends on its number in the step,
/// not on how a step's samples are cut into passes.
template <class Model, class Token>
class trainer {
  using B = typename Model::backend_type;

 public:
  trainer(Model& model, std::span<const Token> tokens, const recipe& how)
      : model_(model),
        recipe_(checked(how)),
        schedule_(how.schedule()),
        random_(random_stream(how.seed).fork("training")),
        windows_(tokens, how.sequence, how.batch, random_stream(how.seed).fork("windows")),
        optimizer_(model.parameters(),
                   {.beta1 = how.beta1, .beta2 = how.beta2, .epsilon = how.epsilon, .weight_decay = how.weight_decay}),
        ids_(static_cast<std::size_t>(how.batch * how.sequence)),
        targets_(ids_.size()) {
    require(how.sequence <= model.shape().positions, "sequence = ", how.sequence, " is longer than the model's ",
            model.shape().positions, " positions");
    if constexpr (requires { model.needs_preparation(); })
      require(!model.needs_preparation(),
              "the card has a policy that must see the training text first: call model.prepare(counts) with how often "
              "each token id occurs in it");
    tell_step();
  }

  /// One optimiser step. Throws numeric_error if the loss or the gradient is not finite. Whatever a pass throws,
  /// nothing is changed: the next step is what it would have been. What a policy throws after the step (`after_step`)
  /// comes when the parameters have changed, so the step counts.
  step_report step() {
    const auto start = std::chrono::steady_clock::now();
    step_report report;
    report.step = done_;
    report.learning_rate = schedule_(done_);
    passes_.clear();
    if constexpr (requires { model_.before_step(done_); }) model_.before_step(done_);
    try {
      for (index_t pass = 0; pass < recipe_.accumulation; ++pass) accumulate(pass, report);
    } catch (...) {  // a part of a gradient is none
      tape_.clear();
      passes_.clear();
      forget_gradients();
      throw;
    }
    const auto passes = static_cast<double>(recipe_.accumulation);
    report.language_loss /= passes;
    report.balance_loss /= passes;
    report.loss = report.language_loss + report.balance_loss;
    report.gradient_norm = global_norm(optimizer_.parameters()) / passes;
    check_finite("gradient norm", report.gradient_norm);
    const double clip = recipe_.clip_norm > 0 ? clipping_factor(report.gradient_norm, recipe_.clip_norm) : 1.0;
    optimizer_.step(report.learning_rate, clip / passes);
    const std::int64_t number = done_++;
    tell_step();
    if constexpr (requires { model_.after_step(number, passes_); }) model_.after_step(number, passes_);
    report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return report;
  }

  bool finished() const { return done_ >= recipe_.steps; }
  std::int64_t steps_done() const { return done_; }
  const recipe& how() const { return recipe_; }
  Model& model() { return model_; }
  adamw<B>& optimizer() { return optimizer_; }
  /// Continue from a saved state: parameters, moments and the number of steps were restored.
  void resume_at(std::int64_t step) {
    done_ = step;
    optimizer_.set_steps(step);
    tell_step();
  }

 private:
  static const recipe& checked(const recipe& r) {
    check_recipe(r);
    return r;
  }

  void accumulate(index_t pass, step_report& report) {
    const auto draw = static_cast<index_t>(done_) * recipe_.accumulation + pass;
    windows_.batch(draw, ids_, targets_);
    data_.assign(ids_, targets_, recipe_.batch, model_.shape().vocab);
    context<B> ctx;
    ctx.tape = &tape_;
    ctx.training = true;
    ctx.step = done_;
    ctx.first_sample = pass * recipe_.batch;
    ctx.random = random_.fork(static_cast<std::uint64_t>(done_));
    const losses<B> l = model_.loss(ctx, data_);
    const double language = l.language.value().item(), total = l.total.value().item();
    check_finite("loss", total);
    if constexpr (requires { model_.hears_steps; })
      if (model_.hears_steps) passes_.add(l.found);
    tape_.backward(l.total);
    report.language_loss += language;
    report.balance_loss += l.balance ? static_cast<double>(l.balance.value().item()) : 0.0;
    report.tokens += data_.scored;
  }

  /// Schedules in evaluation and generation are to see where training has come to.
  void tell_step() {
    if constexpr (requires { model_.set_step(done_); }) model_.set_step(done_);
  }
  void forget_gradients() {
    for (parameter<B>* p : optimizer_.parameters()) p->forget_gradient();
  }

  void check_finite(const char* what, double value) {
    if (std::isfinite(value)) return;
    forget_gradients();
    throw numeric_error(concat("the ", what, " became ", value, " at step ", done_,
                               "; the parameters are still those of the step before. A smaller learning rate (now ",
                               recipe_.learning_rate, ") or a longer warm-up usually helps"));
  }

  Model& model_;
  recipe recipe_;
  cosine_schedule schedule_;
  random_stream random_;
  shuffled_windows<Token> windows_;
  adamw<B> optimizer_;
  tape<B> tape_;
  step_statistics<B> passes_;  ///< of the running step
  batch<B> data_;
  std::vector<id_type> ids_, targets_;
  std::int64_t done_ = 0;
};

template <class Model, class Token>
trainer(Model&, std::span<const Token>, const recipe&) -> trainer<Model, Token>;

}  // namespace gmoe
