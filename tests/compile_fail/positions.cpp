// expect: gmoe: the card's positions cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's positions cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's positions cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's positions cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's positions cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's positions has a member prepare, which nothing calls for this slot
// expect: gmoe: the card's positions has a member make_layer, but no member template layer<B>, what it keeps
#include "stand_ins/alone_in_a_block.hpp"

static_assert(fits<mended<slots::positions, index_t>>);
static_assert(fits<missing<slots::positions>>);
static_assert(fits<misspelt<slots::positions>>);
static_assert(fits<other_arguments<slots::positions>>);
static_assert(fits<not_const<slots::positions, index_t>>);
static_assert(fits<other_result<slots::positions, index_t>>);
static_assert(fits<unheard<slots::positions, index_t>>);
static_assert(fits<not_kept<slots::positions, index_t>>);
