#pragma once
/// Everything that a model computes for one batch, under the names of the reference data: activations, routing, logits,
/// losses, gradients, and the course of some training steps.
///
/// GMoE models give all of it, the baselines their routing, block outputs, logits, losses and gradients. Nothing is
/// dropped and no capacity holds, as in evaluation.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmoe/autograd/tape.hpp"
#include "gmoe/core/error.hpp"
#include "gmoe/io/official_tensors.hpp"
#include "gmoe/io/trace_file.hpp"
#include "gmoe/model/batch.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/nn/context.hpp"

namespace gmoe {

/// What an optimiser did in one step of a traced training run.
struct traced_step {
  double learning_rate = 0;
  double gradient_norm = 0;  ///< before clipping, over unique parameters
};

/// Traces one model on one batch into a file.
template <class Model>
requires may_be_official<Model>
class official_tracer : observer<typename Model::backend_type> {
  using B = typename Model::backend_type;
  using scalar = typename B::scalar;

 public:
  /// `tokens`: sequences x length ids, row-major. Throws data_error if the model cannot read them.
  official_tracer(Model& model, std::span<const std::int64_t> tokens, index_t sequences, trace_file<scalar>& out)
      : model_(model), out_(out), full_(official_form_of(model.card()).kind == official_kind::gmoe) {
    require<data_error>(sequences >= 1 && !tokens.empty() && tokens.size() % static_cast<std::size_t>(sequences) == 0,
                        "tokens: ", tokens.size(), " ids in ", sequences,
                        " sequences, expected sequences of at least 1 token, all of one length");
    const std::size_t length = tokens.size() / static_cast<std::size_t>(sequences);
    const index_t vocab = model.shape().vocab, positions = model.shape().positions;
    require<data_error>(static_cast<index_t>(length) <= positions, "tokens: sequences of ", length,
                        " tokens, but the model has ", positions, " positions");
    std::vector<id_type> ids, targets;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      require<data_error>(tokens[i] >= 0 && tokens[i] < vocab, "tokens: id ", tokens[i], " at position ", i,
                          " is outside the vocabulary of ", vocab);
      ids.push_back(static_cast<id_type>(tokens[i]));
      targets.push_back((i + 1) % length == 0 ? no_target : static_cast<id_type>(tokens[i + 1]));
    }
    data_.assign(ids, targets, sequences, vocab);
    out_.add_integers("tokens", {data_.size, data_.sequence}, {tokens.begin(), tokens.end()});
  }

  /// Whether there is a loss: in sequences of one token nothing is predicted.
  bool predicts() const { return data_.scored > 0; }

  /// One forward and backward pass: everything but the training steps. Leaves the gradients in the parameters. Where
  /// nothing is predicted there is neither language loss, total loss nor gradient.
  void pass() {
    context<B> ctx;
    ctx.tape = predicts() ? &tape_ : nullptr;
    ctx.observer = this;
    const losses<B> l = model_.loss(ctx, data_);
    for (const routing<B>& r : l.found.routings) trace_routing(r);
    context<B> plain;
    const variable<B> logits = model_.logits(plain, variable<B>(std::move(final_)));
    out_.add("logits", {data_.size, data_.sequence, model_.shape().vocab}, logits.value().to_host());
    first_ = values_of(l);
    out_.add_exact("aux_loss", {}, {first_.balance});
    if (!predicts()) return;
    out_.add_exact("lm_loss", {}, {first_.language});
    out_.add_exact("total_loss", {}, {first_.total});
    tape_.backward(l.total);
    each_official_tensor(model_, [&](const official_tensor<B>& t) {
      if (!t.repeats()) out_.add("grad/" + t.name, t.shape, t.pack(t.holder->gradient()));
    });
  }

  /// `steps` training steps on the same batch: `update(step)` finds the gradients in the parameters, changes the
  /// parameters, leaves the gradients at zero, and returns a traced_step. Comes after pass(), whose gradients are
  /// those of the first step. Throws data_error if nothing is predicted.
  template <class Update>
  void train(std::int64_t steps, Update&& update) {
    require<data_error>(predicts(), "tokens: sequences of 1 token predict nothing, training needs at least 2");
    std::vector<double> total, language, balance, rate, norm;
    for (std::int64_t s = 0; s < steps; ++s) {
      const step_losses values = s == 0 ? first_ : gradients();
      const traced_step done = update(s);
      total.push_back(values.total);
      language.push_back(values.language);
      balance.push_back(values.balance);
      rate.push_back(done.learning_rate);
      norm.push_back(done.gradient_norm);
    }
    const std::vector<index_t> shape{static_cast<index_t>(steps)};
    out_.add_exact("train/loss", shape, std::move(total));
    out_.add_exact("train/lm_loss", shape, std::move(language));
    out_.add_exact("train/aux_loss", shape, std::move(balance));
    out_.add_exact("train/lr", shape, std::move(rate));
    out_.add_exact("train/grad_norm", shape, std::move(norm));
    each_official_tensor(model_, [&](const official_tensor<B>& t) {
      if (!t.repeats()) out_.add("after/" + t.name, t.shape, t.pack(t.holder->value()));
    });
  }

 private:
  struct step_losses {
    double total = 0, language = 0, balance = 0;
  };
  static step_losses values_of(const losses<B>& l) {
    return {static_cast<double>(l.total.value().item()), static_cast<double>(l.language.value().item()),
            l.balance ? static_cast<double>(l.balance.value().item()) : 0.0};
  }

  step_losses gradients() {
    context<B> ctx;
    ctx.tape = &tape_;
    const losses<B> l = model_.loss(ctx, data_);
    const step_losses values = values_of(l);
    tape_.backward(l.total);
    return values;
  }

  void see(std::string_view what, index_t block, const matrix<B>& value) override {
    if (what == "ln_f") final_ = value.clone();
    const std::string_view key = official_key(what);
    if (key.empty() || (!full_ && what != "block_out")) return;
    const std::string name = block < 0 ? std::string(key) : layer(block) + std::string(key);
    const bool flat = what == "router_h";  // the router sees tokens, not sequences
    out_.add(name,
             flat ? std::vector{value.rows(), value.cols()} : std::vector{data_.size, data_.sequence, value.cols()},
             value.to_host());
  }

  /// The reference data's name for what an observer sees; empty for what they do not have.
  static std::string_view official_key(std::string_view what) {
    if (what == "routed_out") return "global_out";
    if (what == "always_out") return "local_out";
    for (const std::string_view same : {"embeddings", "attn_out", "moe_in", "router_h", "block_out", "ln_f"})
      if (what == same) return same;
    return {};
  }

  void trace_routing(const routing<B>& r) {
    const std::string at = layer(r.block);
    const index_t tokens = r.chosen.rows(), k = r.chosen.cols();
    out_.add(at + "router_logits", {tokens, r.experts}, r.logits.value().to_host());
    out_.add(at + "router_probs", {tokens, r.experts}, r.scores.value().to_host());
    const std::vector<id_type> chosen = r.chosen.to_host();
    const std::vector<index_t> shape = full_ ? std::vector{tokens} : std::vector{tokens, k};
    out_.add_integers(at + (full_ ? "top1_idx" : "topk_idx"), shape, {chosen.begin(), chosen.end()});
    out_.add(at + (full_ ? "top1_prob" : "topk_weight"), shape, r.weights.value().to_host());
    out_.add(at + "aux_loss", {}, model_.moe().layer_loss(r).value().to_host());
  }

  static std::string layer(index_t block) { return "layer" + std::to_string(block) + "/"; }

  Model& model_;
  trace_file<scalar>& out_;
  const bool full_;  ///< as GMoE's
  tape<B> tape_;
  batch<B> data_;
  matrix<B> final_;
  step_losses first_;
};

}  // namespace gmoe
