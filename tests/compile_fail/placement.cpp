// expect: gmoe: the card's placement cannot be asked for its has_experts: it takes bool has_experts(const sizes&,
// expect: gmoe: the card's placement cannot be asked for its has_experts: it takes bool has_experts(const sizes&,
// expect: gmoe: the card's placement cannot be asked for its has_experts: it takes bool has_experts(const sizes&,
// expect: gmoe: the card's placement cannot be asked for its has_experts: it takes bool has_experts(const sizes&,
// expect: gmoe: the card's placement cannot be asked for its has_experts: it takes bool has_experts(const sizes&,
// expect: gmoe: the card's placement has a member prepare, which nothing calls for this slot
#include "stand_ins/mistakes.hpp"

struct mended {
  using slot = slots::placement;
  bool has_experts(const sizes&, index_t block) const { return block == 0; }
};
static_assert(fits<mended>);

struct missing {
  using slot = slots::placement;
};
static_assert(fits<missing>);

struct misspelt {
  using slot = slots::placement;
  bool has_expert(const sizes&, index_t block) const { return block == 0; }
};
static_assert(fits<misspelt>);

struct other_arguments {
  using slot = slots::placement;
  bool has_experts(const sizes&) const { return true; }
};
static_assert(fits<other_arguments>);

struct not_const {
  using slot = slots::placement;
  bool has_experts(const sizes&, index_t block) { return block == 0; }
};
static_assert(fits<not_const>);

struct other_result {
  using slot = slots::placement;
  std::vector<index_t> has_experts(const sizes&, index_t block) const { return {block}; }
};
static_assert(fits<other_result>);

struct unheard {
  using slot = slots::placement;
  every_block of{};
  void prepare(std::span<const std::int64_t>, const auto&) const {}
};
static_assert(fits<unheard>);
