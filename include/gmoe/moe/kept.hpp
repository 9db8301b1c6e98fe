#pragma once
/// What a policy keeps: per layer, for groups of layers, from layer to layer within a pass, and from position to
/// position within a sequence.
///
/// A policy declares plain structs and says how they are made; its functions take them as their last argument, `my`:
///
///     template <class B> struct layer { parameter<B> gate; };
///     template <class B> layer<B> make_layer(const builder<B>& make, const layer_shape& l) const;
///     template <class B> variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const;

#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

#include "gmoe/moe/hooks.hpp"
#include "gmoe/moe/layer_shape.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/nn/walk.hpp"

namespace gmoe {

/// What is kept by a policy that keeps nothing.
struct nothing {};
inline nothing nothing_kept;

/// What the functions of a policy are handed: `my.layer` is that of the layer, `my.shared` that of the layer's group,
/// `my.carried` what the pass carries from layer to layer, `my.cached` what the layer's sequences carry from position
/// to position.
template <class Layer, class Shared, class Carried, class Cached = nothing>
struct own {
  Layer& layer;
  Shared& shared;
  Carried& carried;
  Cached& cached = nothing_kept;
};

/// What a wrapper that keeps something per layer hands on to the policy that it wraps, whose layer is a part of its
/// own.
template <class Layer, class Whole, class Shared, class Carried, class Cached>
own<Layer, Shared, Carried, Cached> with_layer(Layer& part, const own<Whole, Shared, Carried, Cached>& my) {
  return {part, my.shared, my.carried, my.cached};
}

namespace detail {

template <class P>
using wrapped_by = std::remove_cvref_t<decltype(std::declval<P&>().of)>;

/// P::layer<B>, or P::layer<B, Body> where it depends on what an expert computes; else that of what P wraps.
template <class P, class B, class Body>
constexpr auto layer_kind() {
  if constexpr (requires { typename P::template layer<B, Body>; })
    return std::type_identity<typename P::template layer<B, Body>>{};
  else if constexpr (requires { typename P::template layer<B>; })
    return std::type_identity<typename P::template layer<B>>{};
  else if constexpr (wraps<P>)
    return layer_kind<wrapped_by<P>, B, Body>();
  else
    return std::type_identity<nothing>{};
}
template <class P, class B>
constexpr auto shared_kind() {
  if constexpr (requires { typename P::template shared<B>; })
    return std::type_identity<typename P::template shared<B>>{};
  else if constexpr (wraps<P>)
    return shared_kind<wrapped_by<P>, B>();
  else
    return std::type_identity<nothing>{};
}
template <class P, class B>
constexpr auto carried_kind() {
  if constexpr (requires { typename P::template carried<B>; })
    return std::type_identity<typename P::template carried<B>>{};
  else if constexpr (wraps<P>)
    return carried_kind<wrapped_by<P>, B>();
  else
    return std::type_identity<nothing>{};
}
template <class P, class B>
constexpr auto cached_kind() {
  if constexpr (requires { typename P::template cached<B>; })
    return std::type_identity<typename P::template cached<B>>{};
  else if constexpr (wraps<P>)
    return cached_kind<wrapped_by<P>, B>();
  else
    return std::type_identity<nothing>{};
}

/// A vector; of nothings it takes no room and costs no time to compile.
template <class T>
struct many : std::vector<T> {};
template <>
struct many<nothing> {
  nothing& operator[](std::size_t) const { return nothing_kept; }
};

}  // namespace detail

/// Everything that one policy of a card keeps for a model on backend B whose experts have that body.
template <class P, class B, class Body>
class kept {
 public:
  using layer = typename decltype(detail::layer_kind<P, B, Body>())::type;
  using shared = typename decltype(detail::shared_kind<P, B>())::type;
  using carried = typename decltype(detail::carried_kind<P, B>())::type;
  using cached = typename decltype(detail::cached_kind<P, B>())::type;
  static constexpr bool has_layers = !std::is_same_v<layer, nothing>, has_shared = !std::is_same_v<shared, nothing>;
  static constexpr bool is_empty = !has_layers && !has_shared;

  /// Makes what the policy keeps for the next layer: parameters are named within `own_scope`, those of a group of
  /// layers within `group_scope(number of the group)`.
  void add_layer(const P& policy, const Body& body, const builder<B>& own_scope, auto&& group_scope,
                 const layer_shape& l) {
    if constexpr (has_shared) {
      const index_t group = group_of(policy, l.moe_layer);
      require(group >= 0 && group <= std::ssize(shared_),
              "groups of layers are numbered from 0 as they come, but layer ", l.moe_layer, " asks for group ", group,
              " where there are ", shared_.size());
      if (group == std::ssize(shared_)) {
        static_assert(answers<hooks::make_shared, P, const Body, const builder<B>&, const layer_shape&>,
                      "gmoe: a policy declares shared<B>, but has no shared<B> make_shared(const builder<B>&, const "
                      "layer_shape&) const");
        shared_.push_back(ask<hooks::make_shared>(policy, body, group_scope(group), l));
      }
      group_.push_back(group);
    }
    if constexpr (has_layers) {
      static_assert(answers<hooks::make_layer, P, const Body, const builder<B>&, const layer_shape&>,
                    "gmoe: a policy declares layer<B>, but has no layer<B> make_layer(const builder<B>&, const "
                    "layer_shape&) const");
      layers_.push_back(ask<hooks::make_layer>(policy, body, own_scope, l));
    }
  }

  /// Whether anything was made for the layer: a form may leave the policy out.
  bool has_layer(index_t l) const {
    if constexpr (has_layers)
      return l < std::ssize(layers_);
    else if constexpr (has_shared)
      return l < std::ssize(group_);
    else
      return false;
  }

  /// For the functions of a pass.
  own<const layer, const shared, carried, cached> my(index_t l, carried& travelling, cached& before) const {
    return {layers_[static_cast<std::size_t>(l)], shared_[group_at(l)], travelling, before};
  }
  /// For what changes the model: prepare, after_step.
  own<layer, shared, nothing> mine(index_t l) {
    return {layers_[static_cast<std::size_t>(l)], shared_[group_at(l)], nothing_kept};
  }

  /// What is kept for layer l.
  void list_layer(index_t l, kept_list<B>& all) {
    if constexpr (has_layers)
      if (has_layer(l)) walk(layers_[static_cast<std::size_t>(l)], all);
  }
  /// What is kept for groups of layers: of all, or of the one of layer l.
  void list_shared(kept_list<B>& all) {
    if constexpr (has_shared)
      for (shared& s : shared_) walk(s, all);
  }
  void list_shared_of(index_t l, kept_list<B>& all) {
    if constexpr (has_shared)
      if (has_layer(l)) walk(shared_[group_at(l)], all);
  }

 private:
  static index_t group_of(const P& policy, index_t l) {
    if constexpr (answers<hooks::group, P, nothing, index_t>)
      return ask<hooks::group>(policy, nothing{}, l);
    else
      return 0;
  }
  std::size_t group_at(index_t l) const {
    if constexpr (has_shared)
      return static_cast<std::size_t>(group_[static_cast<std::size_t>(l)]);
    else
      return 0;
  }

  detail::many<layer> layers_;
  detail::many<shared> shared_;
  std::conditional_t<has_shared, std::vector<index_t>, nothing> group_;
};

/// One thing for each of some slots: Of<Slot> is its type.
template <template <class> class Of, class... Slots>
struct slot_map : Of<Slots>... {
  template <class Slot>
  auto& at() {
    return static_cast<Of<Slot>&>(*this).value;
  }
  template <class Slot>
  const auto& at() const {
    return static_cast<const Of<Slot>&>(*this).value;
  }
  /// f(slot, thing) for each that keeps something.
  void each(auto&& f) {
    const auto one = [&]<class Slot>(Slot s) {
      if constexpr (!std::remove_cvref_t<decltype(at<Slot>())>::is_empty) f(s, at<Slot>());
    };
    (one(Slots{}), ...);
  }
};

}  // namespace gmoe
