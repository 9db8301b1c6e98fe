#pragma once
/// A budget of experts in memory: at inference, pairs whose expert is absent go to a similar one (BuddyMoE, Wang et al.
/// 2025), or nowhere. For a trained model of any card: contexts point to it, and whoever routes keeps within it.
///
///     E_e is absent:  e' = the first buddy of e that is in memory and that the token does not ask yet,  w_e E_e'(x)

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/ops/elementwise.hpp"

namespace gmoe {

/// What becomes of a pair whose expert is absent.
struct absence {
  bool substitute = true;    ///< a buddy takes it, else it is dropped; where no buddy is left it is dropped anyway
  bool renormalise = false;  ///< what is left of a token's weights after dropping sums up to what it was before
};

/// How many pairs a budget touched.
struct budget_pairs {
  index_t asked = 0;        ///< all
  index_t absent = 0;       ///< their expert is not in memory: substituted or dropped
  index_t substituted = 0;  ///< another expert took them

  double substitution_rate() const { return share(substituted); }
  double dropping_rate() const { return share(absent - substituted); }

 private:
  double share(index_t pairs) const { return asked == 0 ? 0 : static_cast<double>(pairs) / static_cast<double>(asked); }
};

/// Who is in memory, and who stands in for the others, by layer. Constant once made.
class expert_budget {
 public:
  /// One mixture. Ids are the layer's own, 0 to N - 1.
  struct layer {
    std::string mixture{};                        ///< see routing::mixture
    index_t number = 0;                           ///< see routing::layer
    std::vector<bool> in_memory{};                ///< N
    std::vector<std::vector<id_type>> buddies{};  ///< of each of N: others, the most similar first; may be empty
  };

  /// Throws config_error if a layer is there twice, has nobody in memory, or lists of buddies that are none.
  explicit expert_budget(std::vector<layer> layers, absence how = {}) : layers_(std::move(layers)), how_(how) {
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      check(layers_[l]);
      for (std::size_t other = 0; other < l; ++other)
        require(layers_[l].number != layers_[other].number || layers_[l].mixture != layers_[other].mixture,
                "an expert budget has ", name_of(layers_[l]), " twice");
    }
  }

  const std::vector<layer>& layers() const { return layers_; }
  const absence& how() const { return how_; }

  /// What it says of a mixture. Throws config_error if that is nothing, or was said for other numbers of experts.
  const layer& of(std::string_view mixture, index_t number, index_t experts) const {
    for (const layer& l : layers_)
      if (l.number == number && l.mixture == mixture) {
        require(std::ssize(l.in_memory) == experts, name_of(l), " has ", experts, " experts, but its budget is for ",
                l.in_memory.size());
        return l;
      }
    throw config_error("the expert budget says nothing of " + name_of({std::string(mixture), number}));
  }

  /// Who runs instead of the T x K experts `kept`, `slots` of them per token: those in memory stay; then, slot by slot,
  /// the others' buddies come in.
  std::vector<id_type> substitutes(const layer& l, std::span<const id_type> kept, index_t slots) const {
    std::vector<id_type> ran(kept.begin(), kept.end());
    const auto k = static_cast<std::size_t>(slots);
    for (std::size_t first = 0; first < ran.size(); first += k) {
      const std::span<id_type> token = std::span(ran).subspan(first, k);
      for (id_type& e : token)
        if (is_absent(l, e)) e = no_choice;
      if (!how_.substitute) continue;
      for (std::size_t j = 0; j < k; ++j)
        if (is_absent(l, kept[first + j])) token[j] = first_free(l, kept[first + j], token);
    }
    return ran;
  }

  /// Adds the pairs of a routing that kept within the budget. What a capacity did with pairs of absent experts counts
  /// as done by the budget.
  template <class B>
  void count(const routing<B>& r, budget_pairs& pairs) const {
    const layer& l = of(r.mixture, r.layer, r.experts);
    const std::vector<id_type> asked = r.chosen.to_host(), ran = r.kept.to_host();
    for (std::size_t i = 0; i < asked.size(); ++i) {
      if (asked[i] == no_choice) continue;
      ++pairs.asked;
      if (!is_absent(l, asked[i])) continue;
      ++pairs.absent;
      pairs.substituted += ran[i] != no_choice;
    }
  }

 private:
  static std::string name_of(const layer& l) {
    return concat("mixture number ", l.number, l.mixture.empty() ? "" : " of '" + l.mixture + "'");
  }
  /// A mistake of who chose is no absence: it is found where pairs are sorted.
  static bool is_absent(const layer& l, id_type e) {
    return is_choice(e, std::ssize(l.in_memory)) && !l.in_memory[static_cast<std::size_t>(e)];
  }
  static id_type first_free(const layer& l, id_type absent, std::span<const id_type> taken) {
    for (const id_type e : l.buddies[static_cast<std::size_t>(absent)])
      if (!is_absent(l, e) && std::find(taken.begin(), taken.end(), e) == taken.end()) return e;
    return no_choice;
  }
  static void check(const layer& l) {
    const index_t experts = std::ssize(l.in_memory);
    require(std::find(l.in_memory.begin(), l.in_memory.end(), true) != l.in_memory.end(), name_of(l), ": none of ",
            experts, " experts is in memory, expected at least one");
    require(std::ssize(l.buddies) == experts, name_of(l), ": lists of buddies for ", l.buddies.size(), " of ", experts,
            " experts");
    for (index_t e = 0; e < experts; ++e) {
      std::vector<bool> listed(l.in_memory.size());
      for (const id_type b : l.buddies[static_cast<std::size_t>(e)]) {
        require(is_choice(b, experts), name_of(l), ": a buddy of expert ", e, " is ", b, ", expected 0 to ",
                experts - 1);
        require(b != e, name_of(l), ": expert ", e, " is in its own list of buddies");
        require(!listed[static_cast<std::size_t>(b)], name_of(l), ": expert ", b, " is twice among the buddies of ", e);
        listed[static_cast<std::size_t>(b)] = true;
      }
    }
  }

  std::vector<layer> layers_;
  absence how_;
};

namespace detail {

/// What is left of the weights of a token, times what makes their sum what it was.
template <class B>
variable<B> renormalised(const context<B>& at, const variable<B>& weights, std::span<const id_type> before,
                         std::span<const id_type> after, index_t slots) {
  using T = typename B::scalar;
  const index_t tokens = std::ssize(before) / slots;
  const std::vector<T> w = weights ? weights.value().to_host() : std::vector<T>(before.size(), T(1));
  std::vector<T> factors(w.size());
  for (std::size_t first = 0, k = static_cast<std::size_t>(slots); first < w.size(); first += k) {
    T asked = 0, left = 0;
    for (std::size_t i = first; i < first + k; ++i) {
      if (before[i] != no_choice) asked += w[i];
      if (after[i] != no_choice) left += w[i];
    }
    // Nothing left, or weights that are no shares: there is no sum to keep.
    const bool shares = left > T(0) && asked > T(0);
    std::fill_n(factors.begin() + static_cast<std::ptrdiff_t>(first), k, shares ? asked / left : T(1));
  }
  const variable<B> times = at.constant(matrix<B>::from_host(factors, tokens, slots));
  return weights ? multiply(weights, times) : times;
}

}  // namespace detail

/// Makes a routing, whose weights are there already, keep within the budget: only `kept` changes, so that a slot's
/// weight is still that of the expert that was asked, and with `renormalise` the weights of tokens that lose a pair.
/// Throws config_error in training and in a replay.
template <class B>
void keep_within(const expert_budget& budget, const context<B>& at, routing<B>& r) {
  require(!at.training, "block ", r.block, ": an expert budget is a rule at inference, but this pass trains");
  require(at.replay == nullptr, "block ", r.block,
          ": a replayed routing is taken as it was recorded, so a replay has no expert budget");
  const expert_budget::layer& l = budget.of(r.mixture, r.layer, r.experts);
  if (r.kept.empty() || std::find(l.in_memory.begin(), l.in_memory.end(), false) == l.in_memory.end()) return;
  const std::vector<id_type> before = r.kept.to_host();
  const index_t slots = r.kept.cols();
  const std::vector<id_type> after = budget.substitutes(l, before, slots);
  if (after == before) return;
  if (budget.how().renormalise &&
      std::count(after.begin(), after.end(), no_choice) != std::count(before.begin(), before.end(), no_choice))
    r.weights = detail::renormalised(at, r.weights, before, after, slots);
  r.kept = id_matrix<B>::from_host(after, r.kept.rows(), slots);
}

}  // namespace gmoe
