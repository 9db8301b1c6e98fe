#pragma once
/// The training loop: next-token prediction on windows of a token sequence.

#include <chrono>
#include <cmath>
#include <exception>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gmoe/data/windows.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/ranks/collective.hpp"
#include "gmoe/train/adamw.hpp"
#include "gmoe/train/agree_on_run.hpp"
#include "gmoe/train/clip.hpp"
#include "gmoe/train/gradient_sum.hpp"
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
///
/// With a communicator, the passes of a step (`accumulation` of them) are shared by its ranks, each of which has a
/// model and a trainer of its own: losses, gradients and parameters are those of one rank, to the last bit. Then every
/// rank calls the same functions of its trainer in the same order.
template <class Model, class Token, class Ranks = ranks::alone>
class trainer {
  using B = typename Model::backend_type;
  static_assert(ranks::check_communicator<Ranks>());
  static constexpr bool has_others = ranks::has_others<Ranks>;

 public:
  trainer(Model& model, std::span<const Token> tokens, const recipe& how, const Ranks& ranks = Ranks{})
      : model_(model),
        ranks_(ranks),
        tokens_(tokens),
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
  /// comes when the parameters have changed, so the step counts. Where a pass of another rank throws, so does this one:
  /// numeric_error in the same case, else rank_error, with the rank and its reason.
  step_report step() {
    const auto start = std::chrono::steady_clock::now();
    if constexpr (has_others)
      if (ranks_.size() > 1 && !agreed_) {
        agree_on_run(ranks_, recipe_, done_, tokens_, model_, optimizer_);
        agreed_ = true;
      }
    step_report report;
    report.step = done_;
    report.learning_rate = schedule_(done_);
    passes_.clear();
    reports_.clear();
    if constexpr (requires { model_.before_step(done_); }) model_.before_step(done_);
    try {
      run_passes();
    } catch (...) {  // a part of a gradient is none
      tape_.clear();
      passes_.clear();
      gradients_.drop();
      forget_gradients();
      throw;
    }
    ++unfinished_;
    for (const pass_report& p : reports_) {
      report.language_loss += p.language_loss;
      report.balance_loss += p.balance_loss;
      report.tokens += p.tokens;
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
    --unfinished_;
    report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return report;
  }

  bool finished() const { return done_ >= recipe_.steps; }
  std::int64_t steps_done() const { return done_; }
  const recipe& how() const { return recipe_; }
  Model& model() { return model_; }
  adamw<B>& optimizer() { return optimizer_; }
  const Ranks& ranks() const { return ranks_; }
  /// Continue from a saved state: parameters, moments and the number of steps were restored.
  void resume_at(std::int64_t step) {
    done_ = step;
    optimizer_.set_steps(step);
    unfinished_ = 0;
    agreed_ = false;
    tell_step();
  }

 private:
  static const recipe& checked(const recipe& r) {
    check_recipe(r);
    return r;
  }

  /// What a pass has found.
  struct pass_report {
    double language_loss, balance_loss;
    index_t tokens;
  };

  /// The passes of the step: afterwards parameters have their gradients, and reports and statistics are those of all.
  void run_passes() {
    if constexpr (has_others)
      if (ranks_.size() > 1) return share_passes();
    run_passes({0, recipe_.accumulation});
    gradients_.give(optimizer_.parameters());
  }
  void share_passes() {
    std::exception_ptr error;
    ranks::message mine;
    try {
      run_passes(ranks::share(recipe_.accumulation, ranks_.rank(), ranks_.size()));
      put_findings(mine);
    } catch (const std::exception& e) {
      error = std::current_exception();
      mine = {};
      mine.put(dynamic_cast<const numeric_error*>(&e) ? how_it_went::not_finite : how_it_went::failed);
      mine.put_text(e.what());
    }
    std::vector<ranks::message> all = ranks::all_messages(ranks_, mine);
    if (error) std::rethrow_exception(error);
    take_findings(all);
  }
  void run_passes(ranks::leaves mine) {
    for (index_t pass = mine.first; pass < mine.first + mine.count; ++pass) {
      run_pass(pass);
      gradients_.take(optimizer_.parameters(), pass);
    }
  }

  void run_pass(index_t pass) {
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
    if (hears_steps()) passes_.add(l.found);
    tape_.backward(l.total);
    reports_.push_back({language, l.balance ? static_cast<double>(l.balance.value().item()) : 0.0, data_.scored});
  }

  enum class how_it_went : char { well, not_finite, failed };
  bool hears_steps() const {
    if constexpr (requires { model_.hears_steps; }) return model_.hears_steps;
    return false;
  }

  /// Of this rank's passes, for all: their numbers, which parameters have a gradient, what policies will hear.
  void put_findings(ranks::message& to) const {
    to.put(how_it_went::well);
    to.put(done_);
    to.put(unfinished_);
    to.put(reports_.size());
    to.put(std::span(reports_));
    for (std::size_t i = 0; i < optimizer_.parameters().size(); ++i) to.put(static_cast<char>(gradients_.has(i)));
    if (hears_steps()) passes_.write(to);
  }
  /// Of all ranks, in the order of their passes; then their gradients.
  void take_findings(std::vector<ranks::message>& all) {
    for (std::size_t r = 0; r < all.size(); ++r) {
      const auto went = all[r].template take<how_it_went>();
      if (went == how_it_went::well) continue;
      const std::string why = concat("rank ", r, ": ", all[r].take_text());
      if (went == how_it_went::not_finite) throw numeric_error(why);
      throw rank_error(why);
    }
    reports_.clear();
    passes_.clear();
    std::vector<char> present(optimizer_.parameters().size());
    for (ranks::message& m : all) {
      const auto step = m.template take<std::int64_t>();
      require<rank_error>(step == done_, "a rank is at step ", step, ", this one at step ", done_,
                          ": the ranks do not make the same steps");
      require<rank_error>(m.template take<std::int64_t>() == unfinished_,
                          "an exception has ended a step on some ranks only: their models differ, and none can go on");
      const auto passes = m.template take<std::size_t>();
      for (const pass_report& p : m.template take_many<pass_report>(passes)) reports_.push_back(p);
      for (char& p : present) p = static_cast<char>(p | m.template take<char>());
      if (hears_steps()) passes_.read(m);
    }
    gradients_.give(optimizer_.parameters(), ranks_, recipe_.accumulation, present);
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
  [[no_unique_address]] Ranks ranks_;
  std::span<const Token> tokens_;
  bool agreed_ = false;  ///< the ranks have the same run
  recipe recipe_;
  cosine_schedule schedule_;
  random_stream random_;
  shuffled_windows<Token> windows_;
  adamw<B> optimizer_;
  tape<B> tape_;
  gradient_sum<B> gradients_;  ///< of the running step, as are the next two
  std::vector<pass_report> reports_;
  step_statistics<B> passes_;
  batch<B> data_;
  std::vector<id_type> ids_, targets_;
  std::int64_t done_ = 0;
  std::int64_t unfinished_ = 0;  ///< steps that an exception has ended after their passes
};

template <class Model, class Token>
trainer(Model&, std::span<const Token>, const recipe&) -> trainer<Model, Token>;
template <class Model, class Token, class Ranks>
trainer(Model&, std::span<const Token>, const recipe&, const Ranks&) -> trainer<Model, Token, Ranks>;

}  // namespace gmoe
