// expect: gmoe: the card's body has no member template weights<B>, the matrices of its experts
// expect: gmoe: the card's body cannot be asked for its make_weights: it takes weights<B> make_weights(const
// expect: gmoe: the card's body cannot be asked for its make_weights: it takes weights<B> make_weights(const
// expect: gmoe: the card's body cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's body cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's body cannot be called: it takes variable<B> operator()(const place<B>&, const
#include "stand_ins/mistakes.hpp"

template <class B>
struct one_matrix {
  parameter<B> w;
};
template <class B>
one_matrix<B> made(const builder<B>& make, index_t rows, index_t cols) {
  return {make.normal("w", rows, cols, 1)};
}

struct mended {
  using slot = slots::body;
  template <class B>
  using weights = one_matrix<B>;
  template <class B>
  one_matrix<B> make_weights(const builder<B>& make, const pool_shape& pool) const {
    return made(make, pool.d_model, pool.d_model);
  }
  template <class B>
  variable<B> operator()(const place<B>&, const variable<B>& x, const routing<B>&, const auto&) const {
    return x;
  }
};
static_assert(fits<mended>);

struct missing {
  using slot = slots::body;
};
static_assert(fits<missing>);

struct misspelt {
  using slot = slots::body;
  template <class B>
  using weights = one_matrix<B>;
  template <class B>
  one_matrix<B> make_weight(const builder<B>& make, const pool_shape& pool) const {
    return made(make, pool.d_model, pool.d_model);
  }
  template <class B>
  variable<B> operator()(const place<B>&, const variable<B>& x, const routing<B>&, const auto&) const {
    return x;
  }
};
static_assert(fits<misspelt>);

struct other_arguments {
  using slot = slots::body;
  template <class B>
  using weights = one_matrix<B>;
  template <class B>
  one_matrix<B> make_weights(const builder<B>& make, index_t d_model) const {
    return made(make, d_model, d_model);
  }
  template <class B>
  variable<B> operator()(const place<B>&, const variable<B>& x, const routing<B>&, const auto&) const {
    return x;
  }
};
static_assert(fits<other_arguments>);

struct uncallable {
  using slot = slots::body;
  template <class B>
  using weights = one_matrix<B>;
  template <class B>
  one_matrix<B> make_weights(const builder<B>& make, const pool_shape& pool) const {
    return made(make, pool.d_model, pool.d_model);
  }
};
static_assert(fits<uncallable>);

struct not_const : uncallable {
  template <class B>
  variable<B> operator()(const place<B>&, const variable<B>& x, const routing<B>&, const auto&) {
    return x;
  }
};
static_assert(fits<not_const>);

struct other_result : uncallable {
  template <class B>
  matrix<B> operator()(const place<B>&, const variable<B>& x, const routing<B>&, const auto&) const {
    return x.value();
  }
};
static_assert(fits<other_result>);
