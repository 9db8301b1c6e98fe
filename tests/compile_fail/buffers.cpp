// expect: gmoe: the card's select keeps a buffer, but has none of prepare, before_step and after_step, which change it
// expect: gmoe: the card's select keeps a buffer, but has none of prepare, before_step and after_step, which change it
// expect: gmoe: the card's router keeps a buffer, but has none of prepare, before_step and after_step, which change it
// expect: gmoe: the card's always keeps a buffer, but has none of prepare, before_step and after_step, which change it
// expect: gmoe: the card's dense keeps a buffer, but has none of prepare, before_step and after_step, which change it
#include "stand_ins/mistakes.hpp"

/// Top-k with a bias that the load changes.
struct biased {
  using slot = slots::select;
  top_k of{};
  template <class B>
  struct layer {
    buffer<B> bias;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.constant_buffer("bias", 1, l.experts, 0)};
  }
};

struct mended : biased {
  template <class B>
  void after_step(std::int64_t, const layer_statistics<B>&, const auto&) const {}
};
static_assert(fits<mended>);

static_assert(fits<biased>);

struct only_remembers : biased {
  template <class B>
  void remember(const place<B>&, const routing<B>&, const auto&) const {}
};
static_assert(fits<only_remembers>);

/// In a vector of a struct, for all layers.
struct deep_within {
  using slot = slots::router;
  linear_router of{};
  template <class B>
  struct table {
    index_t number = 0;
    std::vector<buffer<B>> rows;
  };
  template <class B>
  struct shared {
    parameter<B> weight;
    std::vector<table<B>> tables;
  };
  template <class B>
  shared<B> make_shared(const builder<B>& make, const layer_shape& l) const {
    return {make.linear("w", l.d_model, l.d_model), {}};
  }
};
static_assert(fits<deep_within>);

struct prepared : deep_within {
  void prepare(std::span<const std::int64_t>, const auto&) const {}
};
static_assert(fits<prepared>);

struct always_with_one {
  using slot = slots::always;
  template <class B>
  struct layer {
    std::optional<buffer<B>> shift;
  };
  template <class B>
  layer<B> make_layer(const builder<B>&, const layer_shape&) const {
    return {};
  }
  template <class B>
  variable<B> operator()(const place<B>&, const variable<B>& x, const routing<B>&) const {
    return x;
  }
};
static_assert(fits<always_with_one>);

struct dense_with_one {
  using slot = slots::dense;
  template <class B>
  struct layer {
    buffer<B> shift;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.constant_buffer("shift", 1, l.d_model, 0)};
  }
  template <class B>
  variable<B> operator()(const place<B>&, const variable<B>& x) const {
    return x;
  }
};
static_assert(fits<dense_with_one>);

struct constant {
  using slot = slots::dense;
  template <class B>
  struct layer {
    matrix<B> shift;
  };
  template <class B>
  layer<B> make_layer(const builder<B>&, const layer_shape& l) const {
    return {matrix<B>(1, l.d_model)};
  }
  template <class B>
  variable<B> operator()(const place<B>&, const variable<B>& x) const {
    return x;
  }
};
static_assert(fits<constant>);
