#pragma once
/// A rule at inference that changes what a trained model of any card decides, to see what its decisions are worth:
/// contexts point to it, and whoever routes follows it.

#include "gmoe/core/error.hpp"
#include "gmoe/moe/place.hpp"

namespace gmoe {

/// Asked in every routing, layer after layer; `at.earlier()` ends with the routing itself. Where a form assigns experts
/// itself, only `change_kept` is asked, with a routing that is not among those. It is constant: what a token did before
/// stands in the routings before.
template <class B>
struct routing_rule {
  virtual ~routing_rule() = default;
  /// May change `r.chosen`, before capacity and gate: the weights are those of the experts that it puts there.
  virtual void change_chosen(const place<B>&, routing<B>&) const {}
  /// May change `r.kept`, after the gate: a slot keeps its weight, whoever runs.
  virtual void change_kept(const place<B>&, routing<B>&) const {}
};

namespace detail {

/// Throws config_error in training and in a replay.
template <class B>
void check_rule(const place<B>& at) {
  require(!at.training, "block ", at.block, ": a routing rule is one at inference, but this pass trains");
  require(at.replay == nullptr, "block ", at.block,
          ": a replayed routing is taken as it was recorded, so a replay has no routing rule");
}
template <class B>
void change_chosen(const routing_rule<B>& rule, const place<B>& at, routing<B>& r) {
  check_rule(at);
  rule.change_chosen(at, r);
}
template <class B>
void change_kept(const routing_rule<B>& rule, const place<B>& at, routing<B>& r) {
  check_rule(at);
  rule.change_kept(at, r);
}

}  // namespace detail
}  // namespace gmoe
