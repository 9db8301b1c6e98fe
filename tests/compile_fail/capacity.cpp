// expect: gmoe: the card's capacity cannot be asked for its keep: it takes id_matrix<B> keep(const place<B>&,
// expect: gmoe: the card's capacity cannot be asked for its keep: it takes id_matrix<B> keep(const place<B>&,
// expect: gmoe: the card's capacity cannot be asked for its keep: it takes id_matrix<B> keep(const place<B>&,
// expect: gmoe: the card's capacity cannot be asked for its keep: it takes id_matrix<B> keep(const place<B>&,
// expect: gmoe: the card's capacity cannot be asked for its keep: it takes id_matrix<B> keep(const place<B>&,
#include "stand_ins/mistakes.hpp"

struct mended {
  using slot = slots::capacity;
  template <class B>
  id_matrix<B> keep(const place<B>&, const routing<B>& r) const {
    return r.chosen;
  }
};
static_assert(fits<mended>);

struct missing {
  using slot = slots::capacity;
};
static_assert(fits<missing>);

struct misspelt {
  using slot = slots::capacity;
  template <class B>
  id_matrix<B> kept(const place<B>&, const routing<B>& r) const {
    return r.chosen;
  }
};
static_assert(fits<misspelt>);

struct other_arguments {
  using slot = slots::capacity;
  template <class B>
  id_matrix<B> keep(const place<B>&, const sizes&, const routing<B>& r) const {
    return r.chosen;
  }
};
static_assert(fits<other_arguments>);

struct not_const {
  using slot = slots::capacity;
  template <class B>
  id_matrix<B> keep(const place<B>&, const routing<B>& r) {
    return r.chosen;
  }
};
static_assert(fits<not_const>);

struct other_result {
  using slot = slots::capacity;
  template <class B>
  variable<B> keep(const place<B>&, const routing<B>& r) const {
    return r.scores;
  }
};
static_assert(fits<other_result>);
