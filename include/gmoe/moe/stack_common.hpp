#pragma once
/// What stacks of mixtures have and do whatever their card is, which is compiled once for all of them.

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmoe/core/function_ref.hpp"
#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/pool_members.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/elementwise.hpp"

namespace gmoe::detail {

/// visit(name, value) for a balance loss.
template <class B>
using balance_visit = function_ref<void(std::string_view name, const variable<B>& value)>;

/// One mixture of a stack.
struct one_layer {
  layer_shape outside;  ///< what the form takes and gives
  layer_shape inside;   ///< what the form's parts see
  expert_list visible;
};

/// What a stack has whatever its card is.
struct stack_common {
  sizes model;                 ///< what the pool is asked with
  std::string_view mixture{};  ///< its name, if a form holds it
  std::vector<one_layer> layers;
  pool_members pool;

  /// The name of something of this mixture.
  std::string name_of(std::string_view what) const {
    return mixture.empty() ? std::string(what) : concat(mixture, "/", what);
  }

 protected:
  /// What the layer's form takes and gives.
  layer_shape shape_of(index_t block, index_t number, index_t count, const pool_view& seen) const {
    layer_shape l{model, block, number, count};
    l.pool = seen;
    l.pool_size = std::ssize(pool.widths);
    l.experts = l.columns = static_cast<index_t>(seen->ids.size());
    return l;
  }
  void add_shapes(const layer_shape& outside, const layer_shape& inside) {
    layers.push_back({outside, inside, expert_list(outside.pool, &outside.pool->ids)});
  }
  pool_shape shape_of_pool(const sizes& s) const {
    return {pool.widths, layers.front().inside.d_model, s.initializer_range, pool.kinds, layers.front().inside.experts};
  }
};

/// Where what a slot's policy keeps for a mixture is named: in its block, routers and what groups of layers share
/// before all blocks.
template <class B>
struct slot_scopes {
  const builder<B>& make;
  std::string name;
  builder<B> own;

  slot_scopes(const builder<B>& whole, std::string_view slot, const layer_shape& l)
      : make(whole),
        name(slot == slots::always::name ? std::string_view("local") : slot),
        own(slot == slots::router::name ? whole.scope(name, l.moe_layer)
                                        : whole.scope("h", l.block).scope("moe").scope(name)) {}
  builder<B> operator()(index_t group) const {
    return group == 0 ? make.scope(name) : make.scope(name + ".group", group);
  }
};

/// The place of a routing's balance loss: what was seen before, its rows alone.
template <class B>
place<B> place_of_loss(const context<B>& ctx, findings<B>& found, std::size_t number, const stack_common& stack) {
  const routing<B>& r = found.routings[number];
  place<B> whole{ctx, stack.layers[static_cast<std::size_t>(r.layer)].inside, &found};
  whole.up_to = number + 1;
  whole.block = r.block;
  whole.mixture = stack.mixture;
  place<B> at = r.rows ? whole.of_rows(*r.rows) : r.rows_per_token > 1 ? whole.of_parts(r.rows_per_token) : whole;
  at.valid = r.valid;
  return at;
}
/// Routings that are the mixture's own.
template <class B>
index_t routings_of(std::string_view mixture, const findings<B>& pass) {
  index_t mine = 0;
  for (const routing<B>& r : pass.routings) mine += r.mixture == mixture;
  return mine;
}
/// The loss of all routings that are the mixture's own, together. What is added to the findings goes to `pass`.
template <class B>
variable<B> loss_together(std::string_view mixture, findings<B>& pass,
                          function_ref<variable<B>(findings<B>&)> loss_of) {
  const index_t mine = routings_of(mixture, pass);
  if (mine == 0) return {};
  if (mine == std::ssize(pass.routings)) return loss_of(pass);
  findings<B> own;
  for (const routing<B>& r : pass.routings)
    if (r.mixture == mixture) own.routings.push_back(r);
  variable<B> total = loss_of(own);
  for (auto& l : own.losses) pass.losses.push_back(std::move(l));
  for (auto& s : own.statistics) pass.statistics.push_back(std::move(s));
  return total;
}
/// The mean of the losses of the routings that are the mixture's own.
template <class B>
variable<B> mean_loss(std::string_view mixture, const findings<B>& pass,
                      function_ref<variable<B>(std::size_t)> loss_of) {
  variable<B> total;
  for (std::size_t i = 0; i < pass.routings.size(); ++i)
    if (pass.routings[i].mixture == mixture)
      if (const variable<B> term = loss_of(i)) total = total ? add(total, term) : term;
  return total ? scale(total, 1.0 / static_cast<double>(routings_of(mixture, pass))) : total;
}

}  // namespace gmoe::detail
