// expect: gmoe: the card's head cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's head cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's head cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's head cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's head cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's head has a member prepare, which nothing calls for this slot
// expect: gmoe: the card's head has a member make_layer, but no member template layer<B>, what it keeps
#include "stand_ins/alone_in_a_block.hpp"

static_assert(fits<mended<slots::head>>);
static_assert(fits<missing<slots::head>>);
static_assert(fits<misspelt<slots::head>>);
static_assert(fits<other_arguments<slots::head>>);
static_assert(fits<not_const<slots::head>>);
static_assert(fits<other_result<slots::head>>);
static_assert(fits<unheard<slots::head>>);
static_assert(fits<not_kept<slots::head>>);
