#pragma once
/// A forward pass of a model whose card is chosen at run time.

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "gmoe/moe/pass.hpp"

namespace gmoe {

/// What a moe_pass offers, of any card. Made by any_model::begin.
template <class B>
class any_pass {
 public:
  template <class Card>
  explicit any_pass(moe_pass<Card, B> pass) : held_(std::make_unique<holding<Card>>(std::move(pass))) {}

  const context<B>& where() const { return held_->where(); }
  const findings<B>& found() const& { return held_->found(); }
  findings<B> found() && { return held_->take_found(); }
  variable<B> balance_loss() { return held_->balance_loss(); }
  variable<B> loss() {
    variable<B> total;
    losses([&](std::string_view, const variable<B>& l) { total = total ? add(total, l) : l; });
    return total;
  }
  /// visit("balance", value), and those that were added.
  void losses(auto&& visit) {
    if (const variable<B> b = balance_loss()) visit(std::string_view("balance"), b);
    for (const auto& l : found().losses) visit(l.name, l.value);
  }

  /// The pass itself. Throws config_error if it is of a model of another card.
  template <class Card>
  moe_pass<Card, B>& as() {
    auto* const mine = dynamic_cast<holding<Card>*>(held_.get());
    require(mine != nullptr, "this pass was begun by a model of another card");
    return mine->pass;
  }

 private:
  struct held {
    virtual ~held() = default;
    virtual const context<B>& where() const = 0;
    virtual const findings<B>& found() const = 0;
    virtual findings<B> take_found() = 0;
    virtual variable<B> balance_loss() = 0;
  };
  template <class Card>
  struct holding final : held {
    moe_pass<Card, B> pass;

    explicit holding(moe_pass<Card, B> p) : pass(std::move(p)) {}
    const context<B>& where() const override { return pass.where(); }
    const findings<B>& found() const override { return pass.found(); }
    findings<B> take_found() override { return std::move(pass).found(); }
    variable<B> balance_loss() override { return pass.balance_loss(); }
  };

  std::unique_ptr<held> held_;
};

/// What a moe_stack of any card tells of its layers.
template <class B>
class any_stack {
 public:
  virtual ~any_stack() = default;
  virtual index_t layers() const = 0;
  virtual const layer_shape& shape(index_t layer) const = 0;
  virtual const std::vector<id_type>& visible(index_t layer) const = 0;
  virtual const std::vector<index_t>& widths() const = 0;
  virtual variable<B> layer_loss(const findings<B>& pass, std::size_t number, const context<B>& ctx = {}) const = 0;
  virtual variable<B> layer_loss(const routing<B>& r) const = 0;
};

}  // namespace gmoe
