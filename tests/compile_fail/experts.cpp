// expect: gmoe: the card's experts cannot be asked for its total: it takes index_t total(const sizes&,
// expect: gmoe: the card's experts cannot be asked for its visible: it takes std::vector<id_type> visible(const
// expect: gmoe: the card's experts cannot be asked for its visible: it takes std::vector<id_type> visible(const
// expect: gmoe: the card's experts cannot be asked for its total: it takes index_t total(const sizes&,
// expect: gmoe: the card's experts cannot be asked for its visible: it takes std::vector<id_type> visible(const
// expect: gmoe: the card's experts has a member width, but it cannot be called as index_t width(const sizes&,
// expect: gmoe: the card's experts has a member publish, but it cannot be called as void publish(layer_shape&)
// expect: gmoe: the card's experts has a member after_step, which nothing calls for this slot
#include "stand_ins/mistakes.hpp"

using ids = std::vector<id_type>;
struct mended {
  using slot = slots::experts;
  index_t total(const sizes& s, index_t) const { return s.experts; }
  ids visible(const sizes&, index_t) const { return {0}; }
  index_t width(const sizes& s, index_t) const { return s.d_ff; }
  void publish(layer_shape& l) const { l.granularity = 2; }
};
static_assert(fits<mended>);

struct mended_with_count {
  using slot = slots::experts;
  index_t total(const sizes& s, index_t) const { return s.experts; }
  ids visible(const sizes&, index_t layer, index_t moe_layers) const { return {layer < moe_layers ? 0 : 1}; }
};
static_assert(fits<mended_with_count>);

struct missing {
  using slot = slots::experts;
  ids visible(const sizes&, index_t) const { return {0}; }
};
static_assert(fits<missing>);

struct misspelt {
  using slot = slots::experts;
  index_t total(const sizes& s, index_t) const { return s.experts; }
  ids visibles(const sizes&, index_t) const { return {0}; }
};
static_assert(fits<misspelt>);

struct other_arguments {
  using slot = slots::experts;
  index_t total(const sizes& s, index_t) const { return s.experts; }
  ids visible(index_t /*layer*/, const sizes&) const { return {0}; }
};
static_assert(fits<other_arguments>);

struct not_const {
  using slot = slots::experts;
  index_t total(const sizes& s, index_t) { return s.experts; }
  ids visible(const sizes&, index_t) const { return {0}; }
};
static_assert(fits<not_const>);

struct other_result {
  using slot = slots::experts;
  index_t total(const sizes& s, index_t) const { return s.experts; }
  std::vector<double> visible(const sizes&, index_t) const { return {0}; }
};
static_assert(fits<other_result>);

struct nearly_width {
  using slot = slots::experts;
  index_t total(const sizes& s, index_t) const { return s.experts; }
  ids visible(const sizes&, index_t) const { return {0}; }
  index_t width(const layer_shape& l) const { return l.d_ff; }
};
static_assert(fits<nearly_width>);

struct nearly_publish {
  using slot = slots::experts;
  layer_pool of{};
  void publish() const {}
};
static_assert(fits<nearly_publish>);

struct unheard {
  using slot = slots::experts;
  layer_pool of{};
  void after_step(std::int64_t, const auto&, const auto&) const {}
};
static_assert(fits<unheard>);
