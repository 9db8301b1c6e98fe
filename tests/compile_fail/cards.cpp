// expect: gmoe: the card has no member 'router'; a card answers every question by a member of that name
// expect: gmoe: the card has no member 'router'; a card answers every question by a member of that name
// expect: gmoe: the card has a member that is no slot; is one misspelt?
// expect: gmoe: the card's member 'gate' is not a policy of that slot: a policy says `using slot =
// expect: gmoe: the card's member 'score' is not a policy of that slot: a policy says `using slot =
// expect: gmoe: the card has a member that is no slot; is one misspelt?
// expect: gmoe: the card's member 'router' is a final struct, which cannot be looked into
// expect: gmoe: the card's member 'balance' has a number that its `fields` does not list, or is not a plain struct
// expect: gmoe: the card's member 'select' has a number that its `fields` does not list, or is not a plain struct
// expect: gmoe: a card is a plain struct of policies, without constructors
#include "stand_ins/mistakes.hpp"

struct all_but_router {
  layer_pool experts{};
  relu_expert body{};
  no_always always{};
  softmax_score score{};
  top_k select{};
  no_capacity capacity{};
  selected_score gate{};
  switch_loss balance{};
  every_block placement{};
  gpt2_feed_forward dense{};
};

struct mended : all_but_router {
  linear_router router{};
};
static_assert(check_slots<mended>());

struct missing : all_but_router {};
static_assert(check_slots<missing>());

struct misspelt : all_but_router {
  linear_router ruoter{};
};
static_assert(check_slots<misspelt>());

struct of_another_slot : mended {
  softmax_score gate{};
};
static_assert(check_slots<of_another_slot>());

struct of_no_slot : mended {
  int score{};
};
static_assert(check_slots<of_no_slot>());

struct stray : mended {
  double alpha = 0.1;
};
static_assert(check_slots<stray>());

struct final_router final {
  using slot = slots::router;
};
struct closed : mended {
  final_router router{};
};
static_assert(check_slots<closed>());

struct forgetful_loss {
  using slot = slots::balance;
  double alpha = 0.1, forgotten = 0.2;
  static constexpr auto fields = std::tuple{field{"alpha", &forgetful_loss::alpha, "a coefficient"}};
};
struct incomplete : mended {
  forgetful_loss balance{};
};
static_assert(check_slots<incomplete>());

class private_selection {
 public:
  using slot = slots::select;

 private:
  int k_ = 1;
};
struct secretive : mended {
  private_selection select{};
};
static_assert(check_slots<secretive>());

struct made_by_hand : mended {
  explicit made_by_hand(int) {}
};
static_assert(check_slots<made_by_hand>());
