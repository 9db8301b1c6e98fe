// expect: gmoe: the card's attention cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's attention cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's attention cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's attention cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's attention cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's attention has a member prepare, which nothing calls for this slot
// expect: gmoe: the card's attention has a member make_layer, but no member template layer<B>, what it keeps
#include "stand_ins/mistakes.hpp"

struct mended {
  using slot = slots::attention;
  template <class B>
  variable<B> operator()(const place<B>&, const variable<B>& x) const {
    return x;
  }
};
static_assert(fits<mended>);

struct missing {
  using slot = slots::attention;
};
static_assert(fits<missing>);

struct misspelt {
  using slot = slots::attention;
  template <class B>
  variable<B> output(const place<B>&, const variable<B>& x) const {
    return x;
  }
};
static_assert(fits<misspelt>);

struct other_arguments {
  using slot = slots::attention;
  template <class B>
  variable<B> operator()(const place<B>&, const sizes&, const variable<B>& x) const {
    return x;
  }
};
static_assert(fits<other_arguments>);

struct not_const {
  using slot = slots::attention;
  template <class B>
  variable<B> operator()(const place<B>&, const variable<B>& x) {
    return x;
  }
};
static_assert(fits<not_const>);

struct other_result {
  using slot = slots::attention;
  template <class B>
  matrix<B> operator()(const place<B>&, const variable<B>& x) const {
    return x.value();
  }
};
static_assert(fits<other_result>);

struct unheard : mended {
  void prepare(std::span<const std::int64_t>, const auto&) const {}
};
static_assert(fits<unheard>);

struct not_kept : mended {
  template <class B>
  parameter<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return make.normal("w", l.d_model, l.d_model, 1);
  }
};
static_assert(fits<not_kept>);
