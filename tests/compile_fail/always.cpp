// expect: gmoe: the card's always cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's always cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's always cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's always cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's always cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's always cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's always declares layer<B>, what it keeps, but has no layer<B> make_layer(const
#include "stand_ins/mistakes.hpp"

struct mended {
  using slot = slots::always;
  template <class B>
  variable<B> operator()(const place<B>&, const variable<B>& x, const routing<B>&) const {
    return x;
  }
};
static_assert(fits<mended>);

struct missing {
  using slot = slots::always;
};
static_assert(fits<missing>);

struct misspelt {
  using slot = slots::always;
  template <class B>
  variable<B> output(const place<B>&, const variable<B>& x, const routing<B>&) const {
    return x;
  }
};
static_assert(fits<misspelt>);

struct other_arguments {
  using slot = slots::always;
  template <class B>
  variable<B> operator()(const place<B>&, const variable<B>& x) const {
    return x;
  }
};
static_assert(fits<other_arguments>);

struct not_const {
  using slot = slots::always;
  template <class B>
  variable<B> operator()(const place<B>&, const variable<B>& x, const routing<B>&) {
    return x;
  }
};
static_assert(fits<not_const>);

struct other_result {
  using slot = slots::always;
  template <class B>
  matrix<B> operator()(const place<B>&, const variable<B>& x, const routing<B>&) const {
    return x.value();
  }
};
static_assert(fits<other_result>);

struct says_none {
  using slot = slots::always;
  static constexpr bool none = true;
};
static_assert(fits<says_none>);

struct none_and_nearly : says_none {
  template <class B>
  variable<B> operator()(const variable<B>& x) const {
    return x;
  }
};
static_assert(fits<none_and_nearly>);

struct not_made : mended {
  template <class B, class Body>
  struct layer {
    dense_expert<B, Body> expert;
  };
};
static_assert(fits<not_made>);
