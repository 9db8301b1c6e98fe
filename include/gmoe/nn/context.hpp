#pragma once
/// What one forward pass carries besides the token matrix.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gmoe/autograd/tape.hpp"
#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/random.hpp"
#include "gmoe/nn/kv_cache.hpp"
#include "gmoe/nn/replay.hpp"
#include "gmoe/ops/valid_rows.hpp"

namespace gmoe {

class expert_budget;  // moe/expert_budget.hpp
template <class B>
struct routing_rule;  // moe/routing_rule.hpp

/// Sees intermediate values as they are made: for traces, analysis and debugging.
template <class B>
struct observer {
  virtual ~observer() = default;
  /// `what` is a key of docs/checkpoints.md ("moe_in", "router_h", ...); `block` is -1 outside the blocks.
  virtual void see(std::string_view what, index_t block, const matrix<B>& value) = 0;
  /// A value that is cut from the gradient here.
  virtual void see_cut(std::string_view what, index_t block, const matrix<B>& value) { see(what, block, value); }
  /// Something random: a mask, noise, or the numbers that a rule compared with.
  virtual void see_draw(std::string_view what, index_t block, const matrix<B>& value) { see(what, block, value); }
};

/// Random draws of one forward pass, told apart by where they are used.
enum class random_site : std::uint64_t {
  embedding,
  attention,
  attention_output,
  feed_forward,
  router,
  capacity,
  selection,
};

template <class B>
struct context {
  gmoe::tape<B>* tape = nullptr;    ///< null: inference, nothing is kept
  bool training = false;            ///< dropout, capacity, noise
  index_t batch = 1, sequence = 1;  ///< T = batch * sequence tokens, row t = b * sequence + s
  index_t first_sample = 0;         ///< number of the first sequence among all of the optimiser step
  index_t block = 0;                ///< the block being run
  std::string_view mixture{};       ///< where a form holds several, the one that runs: "first", "first/second"
  index_t pass_number = 0;          ///< of those that one training loss makes over the same tokens
  index_t round_number = 0;         ///< of a form that asks its parts several times
  std::int64_t step = 0;            ///< optimiser step, for schedules
  random_stream random{};           ///< of the optimiser step; outside of training, of this pass
  id_matrix<B> tokens{};            ///< 1 x T, for routers that look at ids
  valid_rows<B> valid{};            ///< which rows count; the others are padding
  gmoe::observer<B>* observer = nullptr;
  kv_cache<B>* cache = nullptr;             ///< when generating token by token
  const gmoe::replay<B>* replay = nullptr;  ///< choices to take over instead of making them
  const expert_budget* budget = nullptr;    ///< which experts there are; null: all of them. Not in training
  const routing_rule<B>* rule = nullptr;    ///< changes what is decided; null: nothing does. Not in training

  /// The parameter as a variable on this pass's tape.
  variable<B> use(const parameter<B>& p) const { return variable<B>(p, tape); }
  /// A matrix that no gradient flows into.
  variable<B> constant(matrix<B> value) const { return variable<B>(std::move(value), tape, false); }
  /// sg(v): its value, that no gradient flows back from. A replay may hold it still.
  variable<B> cut(std::string_view what, const variable<B>& v) const {
    const matrix<B>* const recorded = replay ? replay->find_constant(what, block, mixture) : nullptr;
    variable<B> c = constant(recorded ? *recorded : v.value());
    require(c.rows() == v.rows() && c.cols() == v.cols(), "replay: '", what, "' was recorded as ", c.rows(), " x ",
            c.cols(), ", this pass has ", v.rows(), " x ", v.cols());
    if (observer) observer->see_cut(what, block, c.value());
    return c;
  }
  /// The random stream of a site in the running block, of which this pass takes `draws` numbers, the first ones for its
  /// first sample, and as many for each of the others. A sample's draws follow from the step and the sample's number in
  /// it, not from the pass that computes it. Forks are the same.
  random_stream stream(random_site site, index_t draws) const {
    if (draws == 0) return step_stream(site);  // of no rows, perhaps of no samples
    require(draws % batch == 0, "block ", block, ": ", draws, " random numbers are not equally many for each of ",
            batch, " samples; what is drawn once for a step comes from step_stream");
    return step_stream(site).from(static_cast<std::uint64_t>(first_sample) * static_cast<std::uint64_t>(draws / batch));
  }
  /// The same for what is drawn once per optimiser step: all of its passes draw the same.
  random_stream step_stream(random_site site) const {
    return random.fork(static_cast<std::uint64_t>(block)).fork(static_cast<std::uint64_t>(site));
  }
  /// "round1/" where a form asks its parts for the second time: what is seen in a trace begins with it.
  std::string round_name() const { return concat("round", round_number, "/"); }
  /// `what` under that name; itself in the first round.
  std::string in_round(std::string_view what) const {
    return round_number == 0 ? std::string(what) : round_name() + std::string(what);
  }
  void observe(std::string_view what, const variable<B>& value) const {
    if (observer) observer->see(in_round(what), block, value.value());
  }
};

}  // namespace gmoe
