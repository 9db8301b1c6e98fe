// expect: gmoe: renormalised_scores divides by a sum of scores, but the card's scores are logits, which may be negative
// expect: gmoe: gshard_capacity keeps second choices by their share of scores, but the card's scores are logits
// expect: gmoe: switch_loss takes shares of scores, but the card's scores are logits, which may be negative
// expect: gmoe: gshard_loss takes shares of scores, but the card's scores are logits, which may be negative
// expect: gmoe: joint_switch_loss takes shares of scores, but the card's scores are logits, which may be negative
// expect: gmoe: switch_loss reads scores of all experts, but the card's form makes none
// expect: gmoe: shared_experts computes what the pool sets aside, but the card's pool publishes no such number
// expect: gmoe: shared_experts computes an expert for every token, but the card's body has no variable<B> dense(
// expect: gmoe: local_expert computes an expert for every token, but the card's body has no variable<B> dense(
// expect: gmoe: hash_router has decided already, by ones and zeros: its card takes plain_score
// expect: gmoe: hash_router learns nothing, so that a balance loss would have no effect: its card takes no_balance
// expect: gmoe: jittered changes what its router sees of a token, but this one looks at the token's id alone
// expect: gmoe: drawn_router has decided already, by ones and zeros: its card takes plain_score
// expect: gmoe: drawn_router learns nothing, so that a balance loss would have no effect: its card takes no_balance
// expect: gmoe: top_k_by_importance asks how important tokens are, which the card's attention does not tell
// expect: gmoe: global_router makes one logit per expert, but the card's score asks for other columns
// expect: gmoe: global_router hands logits from layer to layer, but the card's pool shows other numbers of experts
// expect: gmoe: tree_router makes weights, which are scores as they are: the card takes plain_score
// expect: mine: scores of my own alone
#include "gmoe/model/cards/deepseek.hpp"
#include "gmoe/model/cards/forms.hpp"
#include "gmoe/model/cards/gmoe.hpp"
#include "gmoe/model/cards/gshard.hpp"
#include "gmoe/moe/balance/joint_loss.hpp"
#include "gmoe/moe/router/drawn_router.hpp"
#include "gmoe/moe/router/jittered.hpp"
#include "gmoe/moe/select/top_k_by_importance.hpp"
#include "stand_ins/mistakes.hpp"

/// The card's answers get on with each other, or the compiler says which do not.
template <class Card>
inline constexpr bool fit = check_card<Card, shapes>();

// Scores that may be negative.
static_assert(fit<with<smoe_card, plain_score, selected_score, no_balance>>);
static_assert(fit<with<hash_card, renormalised_scores>>);  // the router's are ones and zeros
static_assert(fit<with<smoe_card, plain_score, no_balance>>);
static_assert(fit<with<gshard_card, plain_score, selected_score, no_balance>>);
static_assert(fit<with<switch_card, plain_score>>);
static_assert(fit<with<switch_card, plain_score, gshard_loss>>);
static_assert(fit<with<switch_card, plain_score, joint_switch_loss>>);

// A form without scores.
template <class... More>
struct without_scores {
  using slot = slots::form;
  using uses = slot_list<slots::experts, slots::body, slots::router, More...>;
  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x) const {
    return parts.experts(at, x, parts.assign(at, id_matrix<B>(x.rows(), 1)));
  }
};
template <class Form>
struct unscored {
  layer_pool experts{};
  relu_expert body{};
  linear_router router{};
  every_block placement{};
  gpt2_feed_forward dense{};
  Form form{};
};
template <class Form>
struct unscored_and_balanced : unscored<Form> {
  switch_loss balance{};
};
static_assert(fit<unscored<without_scores<>>>);
static_assert(fit<unscored_and_balanced<without_scores<slots::balance>>>);

// Shared experts that nobody sets aside, and bodies that compute none alone.
static_assert(fit<with<switch_card, shared_experts, fine_grained<layer_pool>>>);
static_assert(fit<with<switch_card, shared_experts>>);

struct routed_alone {
  using slot = slots::body;
  template <class B>
  using weights = expert_bank<B>;
  template <class B>
  expert_bank<B> make_weights(const builder<B>& make, const pool_shape& pool) const {
    return relu_expert{}.make_weights(make, pool);
  }
  template <class B>
  variable<B> operator()(const place<B>& at, const variable<B>& x, const routing<B>& r, const auto& my) const {
    return relu_expert{}(at, x, r, my);
  }
};
static_assert(fit<with<switch_card, routed_alone>>);
static_assert(fit<with<deepseek_moe_card, routed_alone>>);
static_assert(fit<with<gmoe_card, routed_alone>>);

// A router that has decided by itself.
static_assert(fit<with<hash_card, softmax_score>>);
static_assert(fit<with<hash_card, switch_loss>>);
static_assert(fit<with<switch_card, jittered<linear_router>>>);
static_assert(fit<with<hash_card, jittered<hash_router>>>);
static_assert(fit<with<hash_card, drawn_router>>);
static_assert(fit<with<hash_card, drawn_router, softmax_score>>);
static_assert(fit<with<hash_card, drawn_router, switch_loss>>);

// Importance that nobody tells.
static_assert(fit<with<switch_card, top_k_by_importance>>);

// Logits that travel over depth.
struct two_level_score {
  using slot = slots::score;
  index_t columns(index_t experts) const { return 2 + experts; }
  template <class B>
  variable<B> scores(const place<B>&, const routing<B>& r) const {
    return r.logits;
  }
};
struct growing_pool {
  using slot = slots::experts;
  static constexpr bool differs_by_layer = true;
  index_t total(const sizes& s, index_t layers) const { return s.experts + layers; }
  std::vector<id_type> visible(const sizes& s, index_t layer) const {
    return std::vector<id_type>(static_cast<std::size_t>(s.experts + layer));
  }
};
static_assert(fit<with<switch_card, two_level_score>>);
static_assert(fit<with<gmoe_card, two_level_score>>);
static_assert(fit<with<gmoe_no_logits_card, growing_pool>>);
static_assert(fit<with<gmoe_card, fine_grained<growing_pool>>>);

// Weights that are made by a router.
static_assert(fit<comet_card>);
static_assert(fit<with<comet_card, softmax_score>>);

// A rule of a policy of one's own, within a wrapper.
struct mine {
  using slot = slots::gate;
  static constexpr bool none = true;
  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(std::is_same_v<answer<Card, slots::score>, softmax_score>, "mine: scores of my own alone");
    return true;
  }
};
struct around_mine {
  using slot = slots::gate;
  mine of{};
};
static_assert(fit<with<switch_card, around_mine>>);
static_assert(fit<with<hash_card, around_mine>>);
