#pragma once
/// A trained model of which some experts are absent: what evaluates, records, scores or generates takes it as a model.
///
///     evaluate(within_budget(model, budget), text, 128, 16);

#include "gmoe/model/changed_passes.hpp"
#include "gmoe/moe/expert_budget.hpp"

namespace gmoe {

namespace detail {

struct has_budget {
  const expert_budget& budget;
  void operator()(auto& ctx) const { ctx.budget = &budget; }
};

}  // namespace detail

/// `Model` is a language_model or an any_model. It and the budget must outlive this.
template <class Model>
class within_budget : public changed_passes<Model, detail::has_budget> {
 public:
  within_budget(const Model& model, const expert_budget& budget)
      : changed_passes<Model, detail::has_budget>(model, {budget}) {}
};

}  // namespace gmoe
