#pragma once
/// One forward pass through a stack of mixtures: what travels over depth, and what is found on the way.

#include <cstddef>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "gmoe/core/function_ref.hpp"
#include "gmoe/moe/findings.hpp"
#include "gmoe/moe/parts.hpp"
#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

namespace detail {

/// What a pass has whatever its card is.
template <class B>
class pass_data {
 public:
  /// Where the pass runs; a model may change it between layers.
  const context<B>& where() const { return context_; }
  const findings<B>& found() const& { return found_; }
  findings<B> found() && { return std::move(found_); }
  /// For what stands around the mixtures and finds something itself.
  findings<B>& finding() { return found_; }

 protected:
  pass_data(const context<B>& ctx, std::size_t routings) : context_(ctx) { found_.routings.reserve(routings); }

  /// Where mixture number `layer` runs. Throws config_error unless it is the next, and x has as many columns as it
  /// takes.
  place<B> start_layer(index_t layer, const std::vector<one_layer>& layers, const variable<B>& x,
                       const variable<B>& residual) {
    require(layer == next_, "mixtures run in the order of their depth: number ", next_, " is next, but ", layer,
            " was asked for");
    require(layer < std::ssize(layers), "there are ", layers.size(), " mixtures, but number ", layer, " was asked for");
    const one_layer& l = layers[static_cast<std::size_t>(layer)];
    require(x.cols() == l.outside.d_model, "block ", l.outside.block,
            ": the mixture takes rows of d_model = ", l.outside.d_model, " numbers, but got ", x.cols());
    ++next_;
    forget_balance();
    place<B> at{context_, l.inside, &found_, residual};
    at.block = l.outside.block;
    return at;
  }
  /// Asks balance policies for their losses, and remembers how much they add to the findings.
  template <class Result>
  Result asking_balance(function_ref<Result()> ask_it) const {
    forget_balance();
    const std::ptrdiff_t losses = std::ssize(found_.losses), statistics = std::ssize(found_.statistics);
    if constexpr (std::is_void_v<Result>) {
      ask_it();
      note_balance(losses, statistics);
    } else {
      Result result = ask_it();
      note_balance(losses, statistics);
      return result;
    }
  }

  /// Those that `each` visits and those that policies added.
  variable<B> sum_of_losses(function_ref<void(balance_visit<B>)> each) const {
    variable<B> total;
    const auto take = [&](std::string_view, const variable<B>& v) { total = total ? add(total, v) : v; };
    each(take);
    for (const auto& l : found_.losses) take(l.name, l.value);
    return total;
  }

  context<B> context_;
  mutable findings<B> found_;  // a balance that is asked for its loss may add to them

 private:
  void note_balance(std::ptrdiff_t losses, std::ptrdiff_t statistics) const {
    losses_of_balance_ = std::ssize(found_.losses) - losses;
    statistics_of_balance_ = std::ssize(found_.statistics) - statistics;
  }
  /// What balance policies added when they were asked before stands at the end.
  void forget_balance() const {
    found_.losses.erase(found_.losses.end() - std::exchange(losses_of_balance_, 0), found_.losses.end());
    found_.statistics.erase(found_.statistics.end() - std::exchange(statistics_of_balance_, 0),
                            found_.statistics.end());
  }

  index_t next_ = 0;
  mutable std::ptrdiff_t losses_of_balance_ = 0, statistics_of_balance_ = 0;
};

}  // namespace detail

/// A value: two passes of one model know nothing of each other. Made by moe_stack::begin; the stack must outlive it.
template <class Card, class B>
class moe_pass : public detail::pass_data<B> {
  using data = detail::stack_data<Card, B>;
  using detail::pass_data<B>::context_, detail::pass_data<B>::found_;

 public:
  moe_pass(const data& stack, const context<B>& ctx) : detail::pass_data<B>(ctx, stack.routings()), stack_(&stack) {}

  /// y of mixture number `layer` for x, T x d. Layers come in order, each once.
  variable<B> operator()(index_t layer, const variable<B>& x, const variable<B>& residual = {}) {
    const place<B> at = this->start_layer(layer, stack_->layers, x, residual);
    return moe_parts<Card, B>(*stack_, travelling_, layer)(at, x);
  }

  /// The card's balance loss: over all layers, or the mean of the layers' own. Nothing where it has none.
  /// Asked anew whenever a loss is asked for; what it adds to the findings then replaces what it added before.
  variable<B> balance_loss() const {
    return this->template asking_balance<variable<B>>([&] { return stack_->balance_loss(context_, found_); });
  }
  /// Balance and everything that policies added, 1 x 1; nothing where there is neither.
  variable<B> loss() const {
    return this->sum_of_losses([&](detail::balance_visit<B> visit) { each_balance_loss(visit); });
  }
  /// The same by name: visit("balance", value), and those that were added; those of a mixture in a form after its name:
  /// "first/balance". A name that is put together lives while it is visited.
  void losses(auto&& visit) const {
    each_balance_loss([&](std::string_view name, const variable<B>& v) { visit(name, v); });
    for (const auto& l : found_.losses)
      if (l.mixture.empty())
        visit(l.name, l.value);
      else
        visit(std::string_view(concat(l.mixture, "/", l.name)), l.value);
  }

 private:
  /// Of this mixture, and of those in its form.
  void each_balance_loss(detail::balance_visit<B> visit) const {
    this->template asking_balance<void>([&] { stack_->each_balance_loss(context_, found_, visit); });
  }

  const data* stack_;
  detail::travelling<Card, B> travelling_{};
};

}  // namespace gmoe
