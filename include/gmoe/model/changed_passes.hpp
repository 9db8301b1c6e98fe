#pragma once
/// A model whose passes are told something that the caller does not know of: what evaluates, records, scores or
/// generates takes it as a model.

#include <cstdint>
#include <utility>

#include "gmoe/model/batch.hpp"
#include "gmoe/model/language_model.hpp"

namespace gmoe {

/// `Model` is a language_model or an any_model, `Change` is called with the context of every pass. The model must
/// outlive this, and so must what the change points to.
template <class Model, class Change>
class changed_passes {
 public:
  using backend_type = typename Model::backend_type;
  using pass = typename Model::pass;

  changed_passes(const Model& model, Change change) : model_(model), change_(std::move(change)) {}

  const sizes& shape() const { return model_.shape(); }
  decltype(auto) card() const { return model_.card(); }
  decltype(auto) moe() const { return model_.moe(); }
  std::int64_t step() const { return model_.step(); }

  pass begin(const context<backend_type>& ctx) const { return model_.begin(changed(ctx)); }
  variable<backend_type> hidden(pass& p) const { return model_.hidden(p); }
  variable<backend_type> hidden(const context<backend_type>& ctx) const { return model_.hidden(changed(ctx)); }
  variable<backend_type> logits(const context<backend_type>& ctx, const variable<backend_type>& hidden) const {
    return model_.logits(ctx, hidden);
  }
  losses<backend_type> loss(const context<backend_type>& ctx, const batch<backend_type>& data) const {
    return model_.loss(changed(ctx), data);
  }
  static context<backend_type> reading(const context<backend_type>& ctx, const batch<backend_type>& data) {
    return gmoe::reading(ctx, data);
  }
  kv_cache<backend_type> make_cache() const { return model_.make_cache(); }

 private:
  context<backend_type> changed(context<backend_type> ctx) const {
    change_(ctx);
    return ctx;
  }

  const Model& model_;
  Change change_;
};

}  // namespace gmoe
