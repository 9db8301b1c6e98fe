// expect: gmoe: the card's gate cannot be asked for its weights: it takes variable<B> weights(const place<B>&,
// expect: gmoe: the card's gate cannot be asked for its weights: it takes variable<B> weights(const place<B>&,
// expect: gmoe: the card's gate cannot be asked for its weights: it takes variable<B> weights(const place<B>&,
// expect: gmoe: the card's gate cannot be asked for its weights: it takes variable<B> weights(const place<B>&,
// expect: gmoe: the card's gate cannot be asked for its weights: it takes variable<B> weights(const place<B>&,
// expect: gmoe: the card's gate cannot be asked for its weights: it takes variable<B> weights(const place<B>&,
#include "stand_ins/mistakes.hpp"

struct mended {
  using slot = slots::gate;
  template <class B>
  variable<B> weights(const place<B>&, const routing<B>& r) const {
    return r.scores;
  }
};
static_assert(fits<mended>);

struct missing {
  using slot = slots::gate;
};
static_assert(fits<missing>);

struct misspelt {
  using slot = slots::gate;
  template <class B>
  variable<B> weight(const place<B>&, const routing<B>& r) const {
    return r.scores;
  }
};
static_assert(fits<misspelt>);

struct other_arguments {
  using slot = slots::gate;
  template <class B>
  variable<B> weights(const place<B>&, const variable<B>& scores, const id_matrix<B>&) const {
    return scores;
  }
};
static_assert(fits<other_arguments>);

struct not_const {
  using slot = slots::gate;
  template <class B>
  variable<B> weights(const place<B>&, const routing<B>& r) {
    return r.scores;
  }
};
static_assert(fits<not_const>);

struct other_result {
  using slot = slots::gate;
  template <class B>
  matrix<B> weights(const place<B>&, const routing<B>& r) const {
    return r.scores.value();
  }
};
static_assert(fits<other_result>);

struct says_none {
  using slot = slots::gate;
  static constexpr bool none = true;
};
static_assert(fits<says_none>);

struct none_and_nearly : says_none {
  template <class B>
  variable<B> weights(const variable<B>& scores) const {
    return scores;
  }
};
static_assert(fits<none_and_nearly>);
