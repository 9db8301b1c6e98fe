#pragma once
/// One forward pass through a stack of mixtures: what travels over depth, and what is found on the way.

#include <cstddef>
#include <string_view>
#include <utility>

#include "gmoe/moe/findings.hpp"
#include "gmoe/moe/parts.hpp"
#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

/// A value: two passes of one model know nothing of each other. Made by moe_stack::begin; the stack must outlive it.
template <class Card, class B>
class moe_pass {
  using data = detail::stack_data<Card, B>;

 public:
  moe_pass(const data& stack, const context<B>& ctx) : stack_(&stack), context_(ctx) {
    found_.routings.reserve(stack.routings());
  }

  /// y of mixture number `layer` for x, T x d. Layers come in order, each once.
  variable<B> operator()(index_t layer, const variable<B>& x, const variable<B>& residual = {}) {
    require(layer == next_, "mixtures run in the order of their depth: number ", next_, " is next, but ", layer,
            " was asked for");
    require(layer < std::ssize(stack_->layers), "there are ", stack_->layers.size(), " mixtures, but number ", layer,
            " was asked for");
    const detail::one_layer& l = stack_->layers[static_cast<std::size_t>(layer)];
    require(x.cols() == l.outside.d_model, "block ", l.outside.block,
            ": the mixture takes rows of d_model = ", l.outside.d_model, " numbers, but got ", x.cols());
    ++next_;
    forget_balance();
    place<B> at{context_, l.inside, &found_, residual};
    at.block = l.outside.block;
    return moe_parts<Card, B>(*stack_, travelling_, layer)(at, x);
  }

  /// Where the pass runs; a model may change it between layers.
  const context<B>& where() const { return context_; }
  const findings<B>& found() const& { return found_; }
  findings<B> found() && { return std::move(found_); }

  /// The card's balance loss: over all layers, or the mean of the layers' own. Nothing where it has none.
  /// Asked anew whenever a loss is asked for; what it adds to the findings then replaces what it added before.
  variable<B> balance_loss() const {
    return asking_balance([&] { return stack_->balance_loss(context_, found_); });
  }
  /// Balance and everything that policies added, 1 x 1; nothing where there is neither.
  variable<B> loss() const {
    variable<B> total;
    const auto take = [&](const auto&, const variable<B>& v) { total = total ? add(total, v) : v; };
    each_balance_loss(take);
    for (const auto& l : found_.losses) take(l.name, l.value);
    return total;
  }
  /// The same by name: visit("balance", value), and those that were added; those of a mixture in a form after its name:
  /// "first/balance". A name that is put together lives while it is visited.
  void losses(auto&& visit) const {
    each_balance_loss([&](const std::string& name, const variable<B>& v) { visit(std::string_view(name), v); });
    for (const auto& l : found_.losses)
      if (l.mixture.empty())
        visit(l.name, l.value);
      else
        visit(std::string_view(concat(l.mixture, "/", l.name)), l.value);
  }

 private:
  /// Of this mixture, and of those in its form.
  void each_balance_loss(auto&& visit) const {
    asking_balance([&] {
      stack_->each_balance_loss(context_, found_, visit);
      return 0;
    });
  }
  /// Remembers how much balance policies add to the findings.
  auto asking_balance(const auto& ask_it) const {
    forget_balance();
    const std::ptrdiff_t losses = std::ssize(found_.losses), statistics = std::ssize(found_.statistics);
    auto result = ask_it();
    losses_of_balance_ = std::ssize(found_.losses) - losses;
    statistics_of_balance_ = std::ssize(found_.statistics) - statistics;
    return result;
  }
  /// What balance policies added when they were asked before stands at the end.
  void forget_balance() const {
    found_.losses.erase(found_.losses.end() - std::exchange(losses_of_balance_, 0), found_.losses.end());
    found_.statistics.erase(found_.statistics.end() - std::exchange(statistics_of_balance_, 0),
                            found_.statistics.end());
  }

  const data* stack_;
  context<B> context_;
  mutable findings<B> found_;  // a balance that is asked for its loss may add to them
  detail::travelling<Card, B> travelling_{};
  index_t next_ = 0;
  mutable std::ptrdiff_t losses_of_balance_ = 0, statistics_of_balance_ = 0;
};

}  // namespace gmoe
