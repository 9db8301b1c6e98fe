// expect: gmoe: the card's form cannot be called: it takes variable<B> operator()(const place<B>&, auto& parts,
// expect: gmoe: the card's form cannot be called: it takes variable<B> operator()(const place<B>&, auto& parts,
// expect: gmoe: the card's form cannot be called: it takes variable<B> operator()(const place<B>&, auto& parts,
// expect: gmoe: the card's form cannot be called: it takes variable<B> operator()(const place<B>&, auto& parts,
// expect: gmoe: the card's form cannot be called: it takes variable<B> operator()(const place<B>&, auto& parts,
#include "stand_ins/mistakes.hpp"

struct mended {
  using slot = slots::form;
  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x) const {
    return parts.experts(at, x, parts.route(at, x));
  }
};
static_assert(fits<mended>);

struct missing {
  using slot = slots::form;
};
static_assert(fits<missing>);

struct misspelt {
  using slot = slots::form;
  template <class B>
  variable<B> output(const place<B>&, auto&, const variable<B>& x) const {
    return x;
  }
};
static_assert(fits<misspelt>);

struct other_arguments {
  using slot = slots::form;
  template <class B>
  variable<B> operator()(const place<B>&, const variable<B>& x) const {
    return x;
  }
};
static_assert(fits<other_arguments>);

struct not_const {
  using slot = slots::form;
  template <class B>
  variable<B> operator()(const place<B>&, auto&, const variable<B>& x) {
    return x;
  }
};
static_assert(fits<not_const>);

struct other_result {
  using slot = slots::form;
  template <class B>
  matrix<B> operator()(const place<B>&, auto&, const variable<B>& x) const {
    return x.value();
  }
};
static_assert(fits<other_result>);
