#pragma once
/// Everything that a model of any card computes for one batch, under the names of docs/checkpoints.md: parameters,
/// activations, routing, random draws, losses, gradients, and the course of some training steps.

#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmoe/core/text.hpp"
#include "gmoe/io/trace_file.hpp"
#include "gmoe/io/trace_tokens.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/train/adamw.hpp"
#include "gmoe/train/clip.hpp"
#include "gmoe/train/recipe.hpp"

namespace gmoe {

/// How a pass is run that is traced.
struct trace_settings {
  bool training = false;    ///< with dropout, capacity and noise
  std::int64_t step = 0;    ///< number of the optimiser step, for schedules and random draws
  std::uint64_t seed = 42;  ///< of the random draws; those of step s are the ones that a training run of this seed has
  bool gradients = false;
  std::int64_t train_steps = 0;
  recipe how{};  ///< for training steps: learning rate (held constant), AdamW's numbers, clipping
};

/// Traces one model on one batch into a file.
template <class Model>
class tracer : observer<typename Model::backend_type> {
  using B = typename Model::backend_type;
  using scalar = typename B::scalar;

 public:
  /// Throws data_error if the model cannot read the tokens, or if settings need targets that are not there.
  tracer(Model& model, const trace_tokens& text, const trace_settings& how, trace_file<scalar>& out)
      : model_(model), how_(how), out_(out), data_(text.batch_for(model)) {
    require<data_error>(
        data_.scored > 0 || (!how.gradients && how.train_steps == 0),
        "trace: gradients and training steps need a tensor 'targets' beside 'tokens', with at least one "
        "position that is scored");
    out_.add_integers("tokens", {data_.size, data_.sequence}, text.ids);
    if (!text.targets.empty()) out_.add_integers("targets", {data_.size, data_.sequence}, text.targets);
  }
  /// Routes like a recorded pass. The record must outlive the tracer.
  void follow(const replay<B>& recorded) { replay_ = &recorded; }

  /// Everything that the settings ask for.
  void run() {
    describe();
    model_.before_step(how_.step);  // what trains in it, as the trainer asks
    state("");
    pass();
    if (how_.train_steps > 0) {
      train();
      state("after/");
    }
  }

 private:
  struct found {
    variable<B> language, balance, total;
    findings<B> way;
  };

  context<B> context_at(std::int64_t step) {
    context<B> ctx;
    ctx.training = how_.training;
    ctx.step = step;
    ctx.random = random_stream(how_.seed).fork("training").fork(static_cast<std::uint64_t>(step));
    ctx.observer = this;
    ctx.replay = replay_;
    return ctx;
  }

  /// What the file says of itself.
  void describe() {
    const auto note = [&](const std::string& key, const auto& value) { out_.set_metadata(key, to_text(value)); };
    out_.set_metadata("format", "gmoe trace 1");
    out_.set_metadata("training", how_.training ? "true" : "false");
    note("step", how_.step);
    note("seed", how_.seed);
    note("train_steps", how_.train_steps);
    each_field(model_.shape(), [&](const auto& f, const auto& v) { note("sizes." + std::string(f.name), v); });
    each_setting(model_.card(), [&](const setting& s) { out_.set_metadata("card." + s.path(), s.text()); });
    if (how_.train_steps == 0) return;
    const recipe& r = how_.how;
    for (const auto& [name, value] : {std::pair{"learning_rate", r.learning_rate}, std::pair{"beta1", r.beta1},
                                      std::pair{"beta2", r.beta2}, std::pair{"epsilon", r.epsilon},
                                      std::pair{"weight_decay", r.weight_decay}, std::pair{"clip_norm", r.clip_norm}})
      note(std::string("recipe.") + name, value);
  }

  /// Parameters and buffers as they are now.
  void state(const std::string& when) {
    model_.each_parameter([&](const parameter<B>& p) {
      out_.add(when + "parameter/" + p.name(), {p.rows(), p.cols()}, p.value().to_host());
    });
    model_.each_buffer([&](const buffer<B>& b) {
      out_.add(when + "buffer/" + b.name(), {b.value().rows(), b.value().cols()}, b.value().to_host());
    });
  }

  /// The losses of a pass; without targets there is no language loss.
  found losses_of(const context<B>& ctx) {
    if (data_.scored > 0) {
      losses<B> l = model_.loss(ctx, data_);
      return {l.language, l.balance, l.total, std::move(l.found)};
    }
    auto pass = model_.begin(Model::reading(ctx, data_));
    model_.hidden(pass);
    const variable<B> balance = pass.loss();
    return {{}, balance, balance, std::move(pass).found()};
  }

  void pass() {
    context<B> ctx = context_at(how_.step);
    if (how_.gradients) ctx.tape = &tape_;
    const found l = losses_of(ctx);
    context<B> off_tape = Model::reading(ctx, data_);
    off_tape.tape = nullptr;
    off_tape.observer = nullptr;
    for (std::size_t i = 0; i < l.way.routings.size(); ++i)
      show(l.way.routings[i], model_.moe().layer_loss(l.way, i, off_tape));
    context<B> plain;
    const variable<B> logits = model_.logits(plain, variable<B>(std::move(final_)));
    out_.add("logits", {data_.size, data_.sequence, model_.shape().vocab}, logits.value().to_host());
    if (l.language) out_.add("loss/language", {}, l.language.value().to_host());
    if (l.balance) out_.add("loss/balance", {}, l.balance.value().to_host());
    if (l.total) out_.add("loss/total", {}, l.total.value().to_host());
    if (!how_.gradients) return;
    tape_.backward(l.total);
    model_.each_parameter([&](parameter<B>& p) {
      out_.add("gradient/" + p.name(), {p.rows(), p.cols()}, p.gradient().to_host());
      p.forget_gradient();
    });
  }

  /// Steps on the batch, from fresh moments and at a constant rate.
  void train() {
    const recipe& r = how_.how;
    adamw<B> optimizer(model_.parameters(),
                       {.beta1 = r.beta1, .beta2 = r.beta2, .epsilon = r.epsilon, .weight_decay = r.weight_decay});
    std::vector<double> total, language, balance, norms;
    for (std::int64_t s = 0; s < how_.train_steps; ++s) {
      at_ = "train/step" + std::to_string(s) + "/";
      if (s > 0) model_.before_step(how_.step + s);
      context<B> ctx = context_at(how_.step + s);
      ctx.tape = &tape_;
      const found l = losses_of(ctx);
      step_statistics<B> passes;
      if (model_.hears_steps) passes.add(l.way);
      total.push_back(static_cast<double>(l.total.value().item()));
      language.push_back(static_cast<double>(l.language.value().item()));
      balance.push_back(l.balance ? static_cast<double>(l.balance.value().item()) : 0.0);
      tape_.backward(l.total);
      norms.push_back(global_norm(optimizer.parameters()));
      require<numeric_error>(std::isfinite(total.back()) && std::isfinite(norms.back()), "trace: at training step ", s,
                             " the loss is ", total.back(), " and the norm of the gradient ", norms.back());
      optimizer.step(r.learning_rate, r.clip_norm > 0 ? clipping_factor(norms.back(), r.clip_norm) : 1.0);
      model_.after_step(how_.step + s, passes);
    }
    const std::vector<index_t> shape{static_cast<index_t>(how_.train_steps)};
    out_.add_exact("train/loss", shape, std::move(total));
    out_.add_exact("train/language_loss", shape, std::move(language));
    out_.add_exact("train/balance_loss", shape, std::move(balance));
    out_.add_exact("train/gradient_norm", shape, std::move(norms));
    optimizer.each_moment([&](const std::string& name, const matrix<B>& first, const matrix<B>& second) {
      out_.add("after/first_moment/" + name, {first.rows(), first.cols()}, first.to_host());
      out_.add("after/second_moment/" + name, {second.rows(), second.cols()}, second.to_host());
    });
  }

  void see(std::string_view what, index_t block, const matrix<B>& value) override {
    if (!at_.empty()) return;  // of training steps only what is random
    if (what == "ln_f") final_ = value.clone();
    out_.add(key(what, block), shape_of(value), value.to_host());
  }
  void see_cut(std::string_view what, index_t block, const matrix<B>& value) override {
    see("cut/" + std::string(what), block, value);
  }
  void see_draw(std::string_view what, index_t block, const matrix<B>& value) override {
    std::vector<index_t> shape = shape_of(value);
    if (what == "attention_mask") shape = {data_.size, model_.shape().heads, data_.sequence, data_.sequence};
    out_.add(key(what, block), shape, value.to_host());
  }

  /// Of what has a row for every token, or several; what belongs to some tokens, to sequences or to the whole batch has
  /// rows of its own.
  std::vector<index_t> shape_of(const matrix<B>& value) const {
    const index_t tokens = data_.size * data_.sequence;
    if (value.rows() % tokens != 0) return {value.rows(), value.cols()};
    return {data_.size, data_.sequence, value.size() / tokens};
  }
  std::string key(std::string_view what, index_t block) const {
    return at_ + (block < 0 ? "" : layer(block)) + std::string(what);
  }
  static std::string layer(index_t block) { return "layer" + std::to_string(block) + "/"; }

  void show(const routing<B>& r, const variable<B>& balance_loss) {
    const std::string at = layer(r.block) + (r.mixture.empty() ? "" : std::string(r.mixture) + "/") +
                           (r.number == 0 ? "" : concat("round", r.number, "/"));
    // A row for every token, which has those of its parts one after the other, or for those that are routed.
    const auto with_rows = [&](index_t columns) {
      return r.rows ? std::vector{r.rows->size(), columns}
                    : std::vector{data_.size, data_.sequence, r.rows_per_token * columns};
    };
    out_.add(at + "router_logits", with_rows(r.logits.cols()), r.logits.value().to_host());
    out_.add(at + "scores", with_rows(r.experts), r.scores.value().to_host());
    const std::vector<index_t> slots = with_rows(r.chosen.cols());
    const auto ids = [&](const char* what, const std::vector<index_t>& shape, const id_matrix<B>& m) {
      const std::vector<id_type> values = m.to_host();
      out_.add_integers(at + what, shape, {values.begin(), values.end()});
    };
    if (r.rows) ids("rows", {r.rows->size()}, *r.rows);
    ids("chosen", slots, r.chosen);
    ids("kept", slots, r.kept);
    out_.add(at + "weights", slots,
             r.weights ? r.weights.value().to_host()
                       : std::vector<scalar>(static_cast<std::size_t>(r.chosen.size()), scalar(1)));
    out_.add_integers(at + "experts", {r.experts}, {r.visible->begin(), r.visible->end()});
    if (balance_loss) out_.add(at + "balance_loss", {}, balance_loss.value().to_host());
  }

  Model& model_;
  trace_settings how_;
  trace_file<scalar>& out_;
  batch<B> data_;
  const replay<B>* replay_ = nullptr;
  tape<B> tape_;
  matrix<B> final_;
  std::string at_;  ///< empty while the traced pass runs, then the training step's part of the names
};

}  // namespace gmoe
