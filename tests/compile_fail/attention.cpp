// expect: gmoe: the card's attention cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's attention cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's attention cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's attention cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's attention cannot be called: it takes variable<B> operator()(const place<B>&, const
// expect: gmoe: the card's attention has a member prepare, which nothing calls for this slot
// expect: gmoe: the card's attention has a member make_layer, but no member template layer<B>, what it keeps
// expect: gmoe: the card's attention has a member cached_columns, but it cannot be called as index_t
// cached_columns(const
#include "stand_ins/alone_in_a_block.hpp"

namespace {
struct wide_cache : mended<slots::attention> {
  index_t cached_columns() const { return 3; }
};
}  // namespace

static_assert(fits<mended<slots::attention>>);
static_assert(fits<missing<slots::attention>>);
static_assert(fits<misspelt<slots::attention>>);
static_assert(fits<other_arguments<slots::attention>>);
static_assert(fits<not_const<slots::attention>>);
static_assert(fits<other_result<slots::attention>>);
static_assert(fits<unheard<slots::attention>>);
static_assert(fits<not_kept<slots::attention>>);
static_assert(fits<wide_cache>);
