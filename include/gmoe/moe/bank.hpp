#pragma once
/// The experts of a model, stored contiguously: expert e is the hidden units [first(e), first(e + 1)), each a row
/// of w_in (its weights from the input) and a row of w_out (its weights to the output).

#include <algorithm>
#include <concepts>
#include <memory>
#include <span>
#include <vector>

#include "gmoe/moe/routing.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/nn/context.hpp"
#include "gmoe/nn/walk.hpp"
#include "gmoe/ops/experts.hpp"

namespace gmoe {

/// What a body is told of the pool whose experts it makes weights for.
struct pool_shape {
  const std::vector<index_t>& widths;  ///< hidden units of every expert of the pool
  index_t d_model = 0;
  double initializer_range = 0;
  std::span<const expert_kind> kinds{};  ///< of every expert; none: all are ordinary
  index_t of_a_layer = 0;                ///< how many the first layer sees; 0: all

  index_t experts() const { return static_cast<index_t>(widths.size()); }
};

/// Which hidden units belong to which expert of a pool. What every weight of a body that has a row per hidden unit is
/// laid out by.
template <class B>
class expert_units {
 public:
  /// One expert per entry of `widths`.
  explicit expert_units(const std::vector<index_t>& widths) : kept_(std::make_shared<kept>(first_units(widths))) {}

  index_t experts() const { return static_cast<index_t>(kept_->first_unit.size()) - 1; }
  index_t first(index_t e) const { return kept_->first_unit[static_cast<std::size_t>(e)]; }
  index_t of(index_t e) const { return first(e + 1) - first(e); }
  /// Of all experts together.
  index_t total() const { return kept_->first_unit.back(); }

  /// The experts `visible` as a layer sees them. `visible` must outlive the layout. With `together` the gradients of
  /// experts that several layers see are made at the end of a backward pass, for all layers at once.
  expert_layout<B> layout(const std::vector<id_type>& visible, bool together = false) const {
    index_t widest = 0;
    for (id_type e : visible) widest = std::max(widest, of(e));
    return {kept_->first_unit.data(),
            visible.data(),
            static_cast<index_t>(visible.size()),
            widest,
            together ? &kept_->put_off : nullptr,
            {kept_, nullptr}};
  }
  /// The same, and the layout keeps the list.
  expert_layout<B> layout(const expert_list& visible, bool together = false) const {
    expert_layout<B> seen = layout(*visible, together);
    seen.owners[1] = visible;
    return seen;
  }
  /// The layout of the first expert alone: of a dense layer.
  expert_layout<B> first_layout() const {
    static const expert_list first = std::make_shared<std::vector<id_type>>(1, 0);
    return layout(first);
  }

  /// Nothing here is trained.
  void list(kept_list<B>&) {}

 private:
  static std::vector<index_t> first_units(const std::vector<index_t>& widths) {
    std::vector<index_t> first{0};
    for (index_t w : widths) first.push_back(first.back() + w);
    return first;
  }

  /// What backward passes need besides the parameters. It stays where it is when the pool moves.
  struct kept {
    explicit kept(std::vector<index_t> first) : first_unit(std::move(first)) {}
    std::vector<index_t> first_unit;
    layer_gradients<B> put_off;
  };
  std::shared_ptr<kept> kept_;
};

/// Experts of two matrices.
template <class B>
class expert_bank {
 public:
  /// One expert per entry of `widths`; Normal(0, deviation) weights.
  expert_bank(const builder<B>& make, index_t d_model, const std::vector<index_t>& widths, double deviation)
      : units_(widths),
        w_in_(make.normal("w_in", units_.total(), d_model, deviation)),
        w_out_(make.normal("w_out", units_.total(), d_model, deviation)) {}

  index_t experts() const { return units_.experts(); }
  index_t first_unit(index_t e) const { return units_.first(e); }
  index_t units(index_t e) const { return units_.of(e); }
  parameter<B>& w_in() { return w_in_; }
  parameter<B>& w_out() { return w_out_; }
  const parameter<B>& w_in() const { return w_in_; }
  const parameter<B>& w_out() const { return w_out_; }
  /// Parameters of expert e.
  index_t size(index_t e) const { return 2 * units(e) * w_in_.cols(); }

  /// See expert_units.
  expert_layout<B> layout(const std::vector<id_type>& visible, bool together = false) const {
    return units_.layout(visible, together);
  }
  expert_layout<B> layout(const expert_list& visible, bool together = false) const {
    return units_.layout(visible, together);
  }
  expert_layout<B> first_layout() const { return units_.first_layout(); }

  void list(kept_list<B>& all) {
    all.add(w_in_);
    all.add(w_out_);
  }

 private:
  expert_units<B> units_;
  parameter<B> w_in_, w_out_;
};

/// The body can compute one expert for all tokens.
template <class Body, class B>
concept has_dense_form = requires(const Body& body, const context<B>& ctx, const variable<B>& x,
                                  const typename Body::template weights<B>& w) {
  { body.dense(ctx, x, w) } -> std::same_as<variable<B>>;
};

/// A dense feed-forward layer with an expert's body: a bank of one expert that every token visits.
template <class B, class Body>
struct dense_expert {
  Body body;
  typename Body::template weights<B> weights;

  static dense_expert make(const builder<B>& make, const Body& body, index_t d_model, index_t width, double deviation) {
    static_assert(has_dense_form<Body, B>,
                  "gmoe: an expert that every token visits needs the body's variable<B> dense(const context<B>&, const "
                  "variable<B>& "
                  "x, const weights<B>&) const, which the card's body does not have");
    const std::vector<index_t> widths{width};
    return {body, body.make_weights(make, pool_shape{widths, d_model, deviation})};
  }
  variable<B> operator()(const context<B>& ctx, const variable<B>& x) const { return body.dense(ctx, x, weights); }
};

}  // namespace gmoe
