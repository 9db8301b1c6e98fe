// expect: gmoe: the card's router cannot be asked for its logits: it takes variable<B> logits(const place<B>&,
// expect: gmoe: the card's router cannot be asked for its logits: it takes variable<B> logits(const place<B>&,
// expect: gmoe: the card's router cannot be asked for its logits: it takes variable<B> logits(const place<B>&,
// expect: gmoe: the card's router cannot be asked for its logits: it takes variable<B> logits(const place<B>&,
// expect: gmoe: the card's router cannot be asked for its logits: it takes variable<B> logits(const place<B>&,
// expect: gmoe: the card's router declares layer<B>, what it keeps, but has no layer<B> make_layer(const
// expect: gmoe: the card's router declares shared<B>, what it keeps, but has no shared<B> make_shared(const
// expect: gmoe: the card's router has a member make_layer, but no member template layer<B>, what it keeps
// expect: gmoe: the card's router declares cached<B>, what it keeps from position to position, but says nothing of how
// expect: gmoe: the card's router has a member group, but it cannot be called as index_t group(index_t layer) const
// expect: gmoe: the card's router has a member prepare, but it cannot be called as void prepare(std::span<const
// expect: gmoe: the card's router has a member after_step, but it cannot be called as void after_step(std::int64_t
// expect: gmoe: the card's router has a member experts_per_token, but it cannot be called as double
#include "stand_ins/mistakes.hpp"

struct mended {
  using slot = slots::router;
  template <class B>
  variable<B> logits(const place<B>&, const variable<B>& x, const auto&) const {
    return x;
  }
};
static_assert(fits<mended>);

struct mended_cached {
  using slot = slots::router;
  static constexpr reach reaches = reach::past;
  linear_router of{};
  template <class B>
  struct cached {
    matrix<B> mean;
  };
};
static_assert(fits<mended_cached>);

struct missing {
  using slot = slots::router;
};
static_assert(fits<missing>);

struct misspelt {
  using slot = slots::router;
  template <class B>
  variable<B> logit(const place<B>&, const variable<B>& x) const {
    return x;
  }
};
static_assert(fits<misspelt>);

struct other_arguments {
  using slot = slots::router;
  template <class B>
  variable<B> logits(const place<B>&, const sizes&, const variable<B>& x) const {
    return x;
  }
};
static_assert(fits<other_arguments>);

struct not_const {
  using slot = slots::router;
  template <class B>
  variable<B> logits(const place<B>&, const variable<B>& x) {
    return x;
  }
};
static_assert(fits<not_const>);

struct other_result {
  using slot = slots::router;
  template <class B>
  matrix<B> logits(const place<B>&, const variable<B>& x) const {
    return x.value();
  }
};
static_assert(fits<other_result>);

// What wraps a router has its functions, and may be nearly right itself.
struct not_made {
  using slot = slots::router;
  linear_router of{};
  template <class B>
  struct layer {
    parameter<B> gate, more;
  };
};
static_assert(fits<not_made>);

struct made_from_other_arguments {
  using slot = slots::router;
  linear_router of{};
  template <class B>
  struct shared {
    parameter<B> w;
  };
  template <class B>
  shared<B> make_shared(const builder<B>& make, const sizes&, index_t rows) const {
    return {make.normal("w", rows, rows, 1)};
  }
};
static_assert(fits<made_from_other_arguments>);

struct not_kept {
  using slot = slots::router;
  template <class B>
  auto make_layer(const builder<B>&, const layer_shape&) const {
    return 1;
  }
  template <class B>
  variable<B> logits(const place<B>&, const variable<B>& x) const {
    return x;
  }
};
static_assert(fits<not_kept>);

struct cached_without_reach {
  using slot = slots::router;
  linear_router of{};
  template <class B>
  struct cached {
    matrix<B> mean;
  };
};
static_assert(fits<cached_without_reach>);

struct nearly_group {
  using slot = slots::router;
  linear_router of{};
  index_t group(const layer_shape& l, index_t) const { return l.block; }
};
static_assert(fits<nearly_group>);

struct nearly_prepare {
  using slot = slots::router;
  linear_router of{};
  void prepare(const auto& /*my*/, std::span<const std::int64_t>) const {}  // in another order
};
static_assert(fits<nearly_prepare>);

struct nearly_after_step {
  using slot = slots::router;
  linear_router of{};
  template <class B>
  void after_step(const routing<B>&) const {}  // of one pass: not the whole step
};
static_assert(fits<nearly_after_step>);

struct nearly_average {
  using slot = slots::router;
  linear_router of{};
  double experts_per_token() const { return 2; }  // whatever the layer
};
static_assert(fits<nearly_average>);
