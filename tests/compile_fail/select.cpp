// expect: gmoe: the card's select cannot be asked for its choose: it takes id_matrix<B> choose(const place<B>&,
// expect: gmoe: the card's select cannot be asked for its choose: it takes id_matrix<B> choose(const place<B>&,
// expect: gmoe: the card's select cannot be asked for its choose: it takes id_matrix<B> choose(const place<B>&,
// expect: gmoe: the card's select cannot be asked for its choose: it takes id_matrix<B> choose(const place<B>&,
// expect: gmoe: the card's select cannot be asked for its choose: it takes id_matrix<B> choose(const place<B>&,
// expect: gmoe: the card's select cannot be asked for its at_most: it takes index_t at_most(const layer_shape&)
// expect: gmoe: the card's select cannot be asked for its at_most: it takes index_t at_most(const layer_shape&)
// expect: gmoe: the card's select has a member experts_per_token, but it cannot be called as double
#include "stand_ins/mistakes.hpp"

struct mended {
  using slot = slots::select;
  index_t at_most(const layer_shape&) const { return 1; }
  template <class B>
  id_matrix<B> choose(const place<B>&, const routing<B>& r) const {
    return r.chosen;
  }
};
static_assert(fits<mended>);

struct missing {
  using slot = slots::select;
  index_t at_most(const layer_shape&) const { return 1; }
};
static_assert(fits<missing>);

struct misspelt {
  using slot = slots::select;
  index_t at_most(const layer_shape&) const { return 1; }
  template <class B>
  id_matrix<B> chose(const place<B>&, const routing<B>& r) const {
    return r.chosen;
  }
};
static_assert(fits<misspelt>);

struct other_arguments {
  using slot = slots::select;
  index_t at_most(const layer_shape&) const { return 1; }
  template <class B>
  id_matrix<B> choose(const place<B>&, const sizes&, const variable<B>&) const {
    return {};
  }
};
static_assert(fits<other_arguments>);

struct not_const {
  using slot = slots::select;
  index_t at_most(const layer_shape&) const { return 1; }
  template <class B>
  id_matrix<B> choose(const place<B>&, const routing<B>& r) {
    return r.chosen;
  }
};
static_assert(fits<not_const>);

struct other_result {
  using slot = slots::select;
  index_t at_most(const layer_shape&) const { return 1; }
  template <class B>
  variable<B> choose(const place<B>&, const routing<B>& r) const {
    return r.scores;
  }
};
static_assert(fits<other_result>);

struct boundless {
  using slot = slots::select;
  template <class B>
  id_matrix<B> choose(const place<B>&, const routing<B>& r) const {
    return r.chosen;
  }
};
static_assert(fits<boundless>);

struct other_bound : boundless {
  index_t at_most() const { return 1; }
};
static_assert(fits<other_bound>);

struct nearly_average {
  using slot = slots::select;
  double experts_per_token = 0.5;  // a number where a function is asked
  static constexpr auto fields =
      std::tuple{field{"experts_per_token", &nearly_average::experts_per_token, "on average"}};
  index_t at_most(const layer_shape&) const { return 1; }
  template <class B>
  id_matrix<B> choose(const place<B>&, const routing<B>& r) const {
    return r.chosen;
  }
};
static_assert(fits<nearly_average>);
