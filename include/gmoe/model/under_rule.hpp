#pragma once
/// A trained model whose decisions a rule changes: what evaluates, records, scores or generates takes it as a model.
///
///     evaluate(under_rule(model, rule), text, 128, 16);

#include "gmoe/model/changed_passes.hpp"
#include "gmoe/moe/routing_rule.hpp"

namespace gmoe {

namespace detail {

template <class B>
struct has_rule {
  const routing_rule<B>& rule;
  void operator()(context<B>& ctx) const { ctx.rule = &rule; }
};

}  // namespace detail

/// `Model` is a language_model or an any_model. It and the rule must outlive this.
template <class Model>
class under_rule : public changed_passes<Model, detail::has_rule<typename Model::backend_type>> {
  using B = typename Model::backend_type;

 public:
  under_rule(const Model& model, const routing_rule<B>& rule)
      : changed_passes<Model, detail::has_rule<B>>(model, {rule}) {}
};

}  // namespace gmoe
