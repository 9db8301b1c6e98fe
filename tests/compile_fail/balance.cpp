// expect: gmoe: the card's balance has neither variable<B> layer_loss(const place<B>&, const routing<B>&) const
// expect: gmoe: the card's balance has neither variable<B> layer_loss(const place<B>&, const routing<B>&) const
// expect: gmoe: the card's balance has a member layer_loss, but it cannot be called as variable<B>
// expect: gmoe: the card's balance has a member layer_loss, but it cannot be called as variable<B>
// expect: gmoe: the card's balance has a member layer_loss, but it cannot be called as variable<B>
// expect: gmoe: the card's balance has a member loss, but it cannot be called as variable<B> loss(const
// expect: gmoe: the card's balance has a member loss, but it cannot be called as variable<B> loss(const
#include "stand_ins/mistakes.hpp"

struct mended {
  using slot = slots::balance;
  template <class B>
  variable<B> layer_loss(const place<B>&, const routing<B>& r) const {
    return r.scores;
  }
};
static_assert(fits<mended>);

struct missing {
  using slot = slots::balance;
};
static_assert(fits<missing>);

struct misspelt {
  using slot = slots::balance;
  template <class B>
  variable<B> layer_losses(const place<B>&, const routing<B>& r) const {
    return r.scores;
  }
};
static_assert(fits<misspelt>);

struct other_arguments {
  using slot = slots::balance;
  template <class B>
  variable<B> layer_loss(const place<B>&, const sizes&, const routing<B>& r) const {
    return r.scores;
  }
};
static_assert(fits<other_arguments>);

struct not_const {
  using slot = slots::balance;
  template <class B>
  variable<B> layer_loss(const place<B>&, const routing<B>& r) {
    return r.scores;
  }
};
static_assert(fits<not_const>);

struct other_result {
  using slot = slots::balance;
  template <class B>
  matrix<B> layer_loss(const place<B>&, const routing<B>& r) const {
    return r.scores.value();
  }
};
static_assert(fits<other_result>);

struct mended_loss {
  using slot = slots::balance;
  template <class B>
  variable<B> loss(const findings<B>& pass) const {
    return pass.routings[0].scores;
  }
};
static_assert(fits<mended_loss>);

struct mended_loss_with_place {
  using slot = slots::balance;
  template <class B>
  variable<B> loss(const place<B>&, const findings<B>& pass) const {
    return pass.routings[0].scores;
  }
};
static_assert(fits<mended_loss_with_place>);

struct says_none {
  using slot = slots::balance;
  static constexpr bool none = true;
};
static_assert(fits<says_none>);

struct other_arguments_of_loss {
  using slot = slots::balance;
  template <class B>
  variable<B> loss(const place<B>&, const std::vector<routing<B>>& all) const {
    return all[0].scores;
  }
};
static_assert(fits<other_arguments_of_loss>);

struct none_and_nearly : says_none {
  template <class B>
  variable<B> loss(const routing<B>& r) const {
    return r.scores;
  }
};
static_assert(fits<none_and_nearly>);
