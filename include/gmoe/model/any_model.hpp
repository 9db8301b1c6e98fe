#pragma once
/// A language model whose card is chosen at run time: one virtual call per pass, so that training, evaluation,
/// generation, checkpoints and traces are compiled once, not once per card.
///
///     const std::unique_ptr<any_model<cpu<float>>> model = make_model<cpu<float>>("switch", {.d_model = 64});
///     trainer run(*model, text, how);

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmoe/model/any_card.hpp"
#include "gmoe/model/any_pass.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/model/registry.hpp"

namespace gmoe {

/// What programs ask a language_model, under the same names; whatever takes a language_model takes it too.
/// A training step allocates no more than that of the model itself; `begin` allocates.
template <class B>
class any_model {
 public:
  using backend_type = B;
  using pass = any_pass<B>;

  virtual ~any_model() = default;

  virtual const sizes& shape() const = 0;
  const any_card& card() const { return card_; }
  virtual const any_stack<B>& moe() const = 0;

  virtual std::int64_t step() const = 0;
  virtual void set_step(std::int64_t step) = 0;

  virtual const std::map<std::string, double>& unread_numbers() const = 0;
  virtual void set_unread_numbers(std::map<std::string, double> numbers) = 0;

  virtual pass begin(const context<B>& ctx) const = 0;
  /// Throws config_error for a pass of a model of another card.
  virtual variable<B> hidden(pass& p) const = 0;
  virtual variable<B> hidden(const context<B>& ctx) const = 0;
  virtual variable<B> logits(const context<B>& ctx, const variable<B>& hidden) const = 0;
  virtual losses<B> loss(const context<B>& ctx, const batch<B>& data) const = 0;
  static context<B> reading(const context<B>& ctx, const batch<B>& data) { return gmoe::reading(ctx, data); }
  virtual kv_cache<B> make_cache() const = 0;

  virtual kept_list<B> kept() = 0;
  std::vector<parameter<B>*> parameters() { return kept().parameters; }
  /// visit(parameter<B>&)
  void each_parameter(auto&& visit) {
    for (parameter<B>* p : kept().parameters) visit(*p);
  }
  /// visit(buffer<B>&)
  void each_buffer(auto&& visit) {
    for (buffer<B>* b : kept().buffers) visit(*b);
  }

  virtual bool needs_preparation() const = 0;
  virtual void prepare(std::span<const std::int64_t> counts) = 0;
  virtual void set_prepared() = 0;
  virtual void before_step(std::int64_t step) = 0;
  const bool hears_steps;
  virtual void after_step(std::int64_t step, const step_statistics<B>& statistics) = 0;

  /// The model itself. Throws config_error if it is of another card.
  template <class Card>
  language_model<Card, B>& as();

 protected:
  any_model(any_card card, bool hears) : hears_steps(hears), card_(std::move(card)) {}
  any_model(const any_model&) = delete;
  any_model& operator=(const any_model&) = delete;

 private:
  any_card card_;
};

/// The any_model of one card.
template <class Card, class B>
class model_of final : public any_model<B> {
  using model = language_model<Card, B>;

 public:
  using typename any_model<B>::pass;

  /// Throws config_error if the card is another one, or if the numbers do not fit.
  model_of(const sizes& s, any_card card, std::uint64_t seed = 42, build_mode mode = build_mode::with_values)
      : any_model<B>(std::move(card), model::hears_steps),
        model_(s, any_model<B>::card().template as<Card>(), seed, mode) {}
  explicit model_of(model m) : model_of(std::move(m), any_card(m.card())) {}
  /// `card` is that of `m`.
  model_of(model m, any_card card) : any_model<B>(std::move(card), model::hears_steps), model_(std::move(m)) {}

  model& get() { return model_; }
  const model& get() const { return model_; }

  const sizes& shape() const override { return model_.shape(); }
  const any_stack<B>& moe() const override { return moe_; }
  std::int64_t step() const override { return model_.step(); }
  void set_step(std::int64_t step) override { model_.set_step(step); }
  const std::map<std::string, double>& unread_numbers() const override { return model_.unread_numbers(); }
  void set_unread_numbers(std::map<std::string, double> numbers) override {
    model_.set_unread_numbers(std::move(numbers));
  }
  pass begin(const context<B>& ctx) const override { return pass(model_.begin(ctx)); }
  variable<B> hidden(pass& p) const override { return model_.hidden(p.template as<Card>()); }
  variable<B> hidden(const context<B>& ctx) const override { return model_.hidden(ctx); }
  variable<B> logits(const context<B>& ctx, const variable<B>& hidden) const override {
    return model_.logits(ctx, hidden);
  }
  losses<B> loss(const context<B>& ctx, const batch<B>& data) const override { return model_.loss(ctx, data); }
  kv_cache<B> make_cache() const override { return model_.make_cache(); }
  kept_list<B> kept() override { return model_.kept(); }
  bool needs_preparation() const override { return model_.needs_preparation(); }
  void prepare(std::span<const std::int64_t> counts) override { model_.prepare(counts); }
  void set_prepared() override { model_.set_prepared(); }
  void before_step(std::int64_t step) override { model_.before_step(step); }
  void after_step(std::int64_t step, const step_statistics<B>& statistics) override {
    model_.after_step(step, statistics);
  }

 private:
  struct stack final : any_stack<B> {
    const model& of;

    explicit stack(const model& m) : of(m) {}
    index_t layers() const override { return of.moe().layers(); }
    const layer_shape& shape(index_t layer) const override { return of.moe().shape(layer); }
    const std::vector<id_type>& visible(index_t layer) const override { return of.moe().visible(layer); }
    const std::vector<index_t>& widths() const override { return of.moe().widths(); }
    variable<B> layer_loss(const findings<B>& pass, std::size_t number, const context<B>& ctx) const override {
      return of.moe().layer_loss(pass, number, ctx);
    }
    variable<B> layer_loss(const routing<B>& r) const override { return of.moe().layer_loss(r); }
  };

  model model_;
  stack moe_{model_};
};

template <class B>
template <class Card>
language_model<Card, B>& any_model<B>::as() {
  card_.template as<Card>();  // throws
  return static_cast<model_of<Card, B>&>(*this).get();
}

/// make_model for a list that is compiled as a whole: compiled/models.hpp declares it for those of the library.
template <class B, class List>
std::unique_ptr<any_model<B>> new_model(const any_card& card, const sizes& s, std::uint64_t seed, build_mode mode) {
  return with_card<List>(card.text().name, [&]<class Card>() -> std::unique_ptr<any_model<B>> {
    return std::make_unique<model_of<Card, B>>(s, card, seed, mode);
  });
}

/// A new model of a card by its name. Throws config_error for a name that is not in the list, as with_card does, and if
/// the numbers do not fit. With build_mode::shapes_only the parameters have no values yet.
template <class B, class List = all_cards>
std::unique_ptr<any_model<B>> make_model(const any_card& card, const sizes& s, std::uint64_t seed = 42,
                                         build_mode mode = build_mode::with_values) {
  return with_family<List>(card.text().name, [&]<class Family>() { return new_model<B, Family>(card, s, seed, mode); });
}
template <class B, class List = all_cards>
std::unique_ptr<any_model<B>> make_model(std::string_view name, const sizes& s, std::uint64_t seed = 42) {
  return make_model<B, List>(make_card<List>(name), s, seed);
}

}  // namespace gmoe
