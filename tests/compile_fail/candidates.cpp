// expect: gmoe: the card's candidates has a member mask, but it cannot be called as matrix<B> mask(const
// expect: gmoe: the card's candidates has a member mask, but it cannot be called as matrix<B> mask(const
// expect: gmoe: the card's candidates has a member mask, but it cannot be called as matrix<B> mask(const
// expect: gmoe: the card's candidates has a member after_step, but it cannot be called as void
// expect: gmoe: the card's candidates has a member prepare, but it cannot be called as void
// expect: gmoe: the card's candidates declares layer<B>, what it keeps, but has no layer<B> make_layer(const
#include "stand_ins/mistakes.hpp"

struct mended {
  using slot = slots::candidates;
  template <class B>
  matrix<B> mask(const place<B>&, const routing<B>& r) const {
    return matrix<B>(1, r.experts);
  }
  template <class B>
  void after_step(std::int64_t, const layer_statistics<B>&, const auto&) const {}
};
static_assert(fits<mended>);

struct other_arguments {
  using slot = slots::candidates;
  template <class B>
  matrix<B> mask(const place<B>&, const variable<B>& x) const {
    return matrix<B>(1, x.cols());
  }
};
static_assert(fits<other_arguments>);

struct other_result {
  using slot = slots::candidates;
  template <class B>
  id_matrix<B> mask(const place<B>&, const routing<B>& r) const {
    return id_matrix<B>(1, r.experts);
  }
};
static_assert(fits<other_result>);

struct not_const {
  using slot = slots::candidates;
  template <class B>
  matrix<B> mask(const place<B>&, const routing<B>& r) {
    return matrix<B>(1, r.experts);
  }
};
static_assert(fits<not_const>);

struct nearly_after_step {
  using slot = slots::candidates;
  template <class B>
  void after_step(const layer_statistics<B>&, std::int64_t) const {}
};
static_assert(fits<nearly_after_step>);

struct prepares_itself {
  using slot = slots::candidates;
  void prepare(std::span<const std::int64_t>, const auto&) {}
};
static_assert(fits<prepares_itself>);

struct not_made {
  using slot = slots::candidates;
  template <class B>
  struct layer {
    parameter<B> allowed;
  };
};
static_assert(fits<not_made>);
