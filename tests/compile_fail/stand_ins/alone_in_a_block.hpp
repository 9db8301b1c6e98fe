#pragma once
/// What the slots around the mixtures have in common: they are called with one variable, and perhaps more, may make and
/// keep, and hear of nothing.

#include "mistakes.hpp"

template <class Slot, class... More>
struct mended {
  using slot = Slot;
  template <class B>
  variable<B> operator()(const place<B>&, const variable<B>& x, More...) const {
    return x;
  }
};

template <class Slot>
struct missing {
  using slot = Slot;
};

template <class Slot>
struct misspelt {
  using slot = Slot;
  template <class B>
  variable<B> output(const place<B>&, const variable<B>& x) const {
    return x;
  }
};

template <class Slot>
struct other_arguments {
  using slot = Slot;
  template <class B>
  variable<B> operator()(const place<B>&, const sizes&, const variable<B>& x) const {
    return x;
  }
};

template <class Slot, class... More>
struct not_const {
  using slot = Slot;
  template <class B>
  variable<B> operator()(const place<B>&, const variable<B>& x, More...) {
    return x;
  }
};

template <class Slot, class... More>
struct other_result {
  using slot = Slot;
  template <class B>
  matrix<B> operator()(const place<B>&, const variable<B>& x, More...) const {
    return x.value();
  }
};

template <class Slot, class... More>
struct unheard : mended<Slot, More...> {
  void prepare(std::span<const std::int64_t>, const auto&) const {}
};

template <class Slot, class... More>
struct not_kept : mended<Slot, More...> {
  template <class B>
  parameter<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return make.normal("w", l.d_model, l.d_model, 1);
  }
};
