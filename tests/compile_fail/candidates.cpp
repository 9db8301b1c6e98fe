// expect: gmoe: the card's candidates has a member after_step, but it cannot be called as void
// expect: gmoe: the card's candidates has a member prepare, but it cannot be called as void
// expect: gmoe: the card's candidates declares layer<B>, what it keeps, but has no layer<B> make_layer(const
#include "stand_ins/mistakes.hpp"

struct mended {
  using slot = slots::candidates;
  template <class B>
  void after_step(std::int64_t, const layer_statistics<B>&, const auto&) const {}
};
static_assert(fits<mended>);

struct nearly_after_step {
  using slot = slots::candidates;
  template <class B>
  void after_step(const layer_statistics<B>&, std::int64_t) const {}
};
static_assert(fits<nearly_after_step>);

struct not_const {
  using slot = slots::candidates;
  void prepare(std::span<const std::int64_t>, const auto&) {}
};
static_assert(fits<not_const>);

struct not_made {
  using slot = slots::candidates;
  template <class B>
  struct layer {
    buffer<B> allowed;
  };
};
static_assert(fits<not_made>);
