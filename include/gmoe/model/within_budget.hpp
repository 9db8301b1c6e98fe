#pragma once
/// A trained model of which some experts are absent: what evaluates, records, scores or generates takes it as a model.
///
///     evaluate(within_budget(model, budget), text, 128, 16);

#include <cstdint>

#include "gmoe/model/batch.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/moe/expert_budget.hpp"

namespace gmoe {

/// `Model` is a language_model or an any_model. It and the budget must outlive this.
template <class Model>
class within_budget {
 public:
  using backend_type = typename Model::backend_type;
  using pass = typename Model::pass;

  within_budget(const Model& model, const expert_budget& budget) : model_(model), budget_(budget) {}

  const sizes& shape() const { return model_.shape(); }
  decltype(auto) card() const { return model_.card(); }
  decltype(auto) moe() const { return model_.moe(); }
  std::int64_t step() const { return model_.step(); }

  pass begin(const context<backend_type>& ctx) const { return model_.begin(within(ctx)); }
  variable<backend_type> hidden(pass& p) const { return model_.hidden(p); }
  variable<backend_type> hidden(const context<backend_type>& ctx) const { return model_.hidden(within(ctx)); }
  variable<backend_type> logits(const context<backend_type>& ctx, const variable<backend_type>& hidden) const {
    return model_.logits(ctx, hidden);
  }
  losses<backend_type> loss(const context<backend_type>& ctx, const batch<backend_type>& data) const {
    return model_.loss(within(ctx), data);
  }
  static context<backend_type> reading(const context<backend_type>& ctx, const batch<backend_type>& data) {
    return gmoe::reading(ctx, data);
  }
  kv_cache<backend_type> make_cache() const { return model_.make_cache(); }

 private:
  context<backend_type> within(context<backend_type> ctx) const {
    ctx.budget = &budget_;
    return ctx;
  }

  const Model& model_;
  const expert_budget& budget_;
};

}  // namespace gmoe
