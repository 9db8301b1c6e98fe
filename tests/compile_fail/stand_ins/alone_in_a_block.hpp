#pragma once
/// What attention and the feed-forward layer of blocks without a mixture have in common: they are called with x alone,
/// may make and keep, and hear of nothing.

#include "mistakes.hpp"

template <class Slot>
struct mended {
  using slot = Slot;
  template <class B>
  variable<B> operator()(const place<B>&, const variable<B>& x) const {
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

template <class Slot>
struct not_const {
  using slot = Slot;
  template <class B>
  variable<B> operator()(const place<B>&, const variable<B>& x) {
    return x;
  }
};

template <class Slot>
struct other_result {
  using slot = Slot;
  template <class B>
  matrix<B> operator()(const place<B>&, const variable<B>& x) const {
    return x.value();
  }
};

template <class Slot>
struct unheard : mended<Slot> {
  void prepare(std::span<const std::int64_t>, const auto&) const {}
};

template <class Slot>
struct not_kept : mended<Slot> {
  template <class B>
  parameter<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return make.normal("w", l.d_model, l.d_model, 1);
  }
};
