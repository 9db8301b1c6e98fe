// expect: gmoe: the card answers 'select', which its form does not use: leave the member out, or hide the one
// expect: gmoe: the card answers 'capacity', which its form does not use: leave the member out, or hide the one
// expect: gmoe: the card says that 'score' is unused, but its form uses it
// expect: gmoe: the card has no member 'router'
// expect: gmoe: the form's `uses` is a gmoe::slot_list of the slots that it uses, any of those from experts
// expect: gmoe: the form's `uses` is a gmoe::slot_list of the slots that it uses, any of those from experts
// expect: gmoe: the card's form asks for 'always', which is not in the list of slots that it `uses`
#include "gmoe/moe/stack.hpp"
#include "stand_ins/mistakes.hpp"

/// The first expert, for every token.
struct to_the_first {
  using slot = slots::form;
  using uses = slot_list<slots::experts, slots::body>;
  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x) const {
    return parts.experts(at, x, parts.assign(at, id_matrix<B>(x.rows(), 1)));
  }
};

/// It names what is used, and nothing else.
struct mended {
  layer_pool experts{};
  relu_expert body{};
  every_block placement{};
  gpt2_feed_forward dense{};
  to_the_first form{};
};
static_assert(check_card<mended, shapes>());

/// It hides what it inherits; policies that stand for nothing may stay.
struct mended_heir : switch_card {
  to_the_first form{};
  unused<slots::router> router{};
  unused<slots::score> score{};
  unused<slots::select> select{};
  no_capacity capacity{};
  unit_weight gate{};
  no_balance balance{};
};
static_assert(check_card<mended_heir, shapes>());

struct one_too_many : mended {
  top_k select{};
};
static_assert(check_card<one_too_many, shapes>());

struct inherited : mended_heir {
  limited_capacity capacity{};
};
static_assert(check_card<inherited, shapes>());

struct used_after_all : switch_card {
  unused<slots::score> score{};
};
static_assert(check_card<used_after_all, shapes>());

struct routes : to_the_first {
  using uses = slot_list<slots::experts, slots::body, slots::router>;
};
struct without_a_router : mended {
  routes form{};
};
static_assert(check_card<without_a_router, shapes>());

struct no_list : to_the_first {
  using uses = slots::experts;
};
struct with_no_list : switch_card {
  no_list form{};
};
static_assert(check_slots<with_no_list>());

struct no_part : to_the_first {
  using uses = slot_list<slots::experts, slots::body, slots::dense>;
};
struct with_no_part : switch_card {
  no_part form{};
};
static_assert(check_slots<with_no_part>());

struct asks_more {
  using slot = slots::form;
  using uses = slot_list<>;
  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x) const {
    return parts.always(at, x, routing<B>{});
  }
};
struct with_more {
  every_block placement{};
  gpt2_feed_forward dense{};
  asks_more form{};
};
const auto run = &moe_parts<with_more, shapes>::operator();
