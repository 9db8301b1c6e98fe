// expect: gmoe: the card's score cannot be asked for its scores: it takes variable<B> scores(const place<B>&,
// expect: gmoe: the card's score cannot be asked for its scores: it takes variable<B> scores(const place<B>&,
// expect: gmoe: the card's score cannot be asked for its scores: it takes variable<B> scores(const place<B>&,
// expect: gmoe: the card's score cannot be asked for its scores: it takes variable<B> scores(const place<B>&,
// expect: gmoe: the card's score cannot be asked for its scores: it takes variable<B> scores(const place<B>&,
#include "stand_ins/mistakes.hpp"

struct mended {
  using slot = slots::score;
  template <class B>
  variable<B> scores(const place<B>&, const routing<B>& r) const {
    return r.logits;
  }
};
static_assert(fits<mended>);

struct missing {
  using slot = slots::score;
};
static_assert(fits<missing>);

struct misspelt {
  using slot = slots::score;
  template <class B>
  variable<B> score(const place<B>&, const routing<B>& r) const {
    return r.logits;
  }
};
static_assert(fits<misspelt>);

struct other_arguments {
  using slot = slots::score;
  template <class B>
  variable<B> scores(const variable<B>& logits) const {
    return logits;
  }
};
static_assert(fits<other_arguments>);

struct not_const {
  using slot = slots::score;
  template <class B>
  variable<B> scores(const place<B>&, const routing<B>& r) {
    return r.logits;
  }
};
static_assert(fits<not_const>);

struct other_result {
  using slot = slots::score;
  template <class B>
  matrix<B> scores(const place<B>&, const routing<B>& r) const {
    return r.logits.value();
  }
};
static_assert(fits<other_result>);
