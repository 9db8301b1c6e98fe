#pragma once
/// Recording a pass, so that its routing can be replayed.
///
///     gmoe::recording<B> seen;
///     gmoe::context<B> ctx{.observer = &seen};
///     const auto l = model.loss(ctx, data);
///     const gmoe::replay<B> fixed = seen.replay(l.found);
///     ctx.replay = &fixed;                                          // passes of ctx route like the recorded one

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmoe/moe/findings.hpp"
#include "gmoe/nn/context.hpp"

namespace gmoe {

/// Observes one pass, for what routing values do not have: the constants behind cuts.
template <class B>
class recording : public observer<B> {
 public:
  void see(std::string_view, index_t, const matrix<B>&) override {}
  void see_cut(std::string_view what, index_t block, const matrix<B>& value) override {
    constants_.push_back({std::string(what), block, value});
  }
  /// The pass, given what it found. Leave out the constants (`.constants.clear()`) to run other weights.
  gmoe::replay<B> replay(const findings<B>& found) const {
    gmoe::replay<B> r{{}, constants_};
    for (const routing<B>& layer : found.routings) r.layers.push_back({layer.experts, layer.chosen, layer.kept});
    return r;
  }

 private:
  std::vector<typename gmoe::replay<B>::constant> constants_;
};

}  // namespace gmoe
