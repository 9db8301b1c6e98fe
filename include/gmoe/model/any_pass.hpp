#pragma once
/// A forward pass of a model whose card is chosen at run time.

#include <functional>
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
  variable<B> loss() { return held_->loss(); }
  /// visit(name, value)
  void losses(const std::function<void(std::string_view, const variable<B>&)>& visit) { held_->losses(visit); }

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
    virtual variable<B> loss() = 0;
    virtual void losses(const std::function<void(std::string_view, const variable<B>&)>& visit) = 0;
  };
  template <class Card>
  struct holding final : held {
    moe_pass<Card, B> pass;

    explicit holding(moe_pass<Card, B> p) : pass(std::move(p)) {}
    const context<B>& where() const override { return pass.where(); }
    const findings<B>& found() const override { return pass.found(); }
    findings<B> take_found() override { return std::move(pass).found(); }
    variable<B> balance_loss() override { return pass.balance_loss(); }
    variable<B> loss() override { return pass.loss(); }
    void losses(const std::function<void(std::string_view, const variable<B>&)>& visit) override { pass.losses(visit); }
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
