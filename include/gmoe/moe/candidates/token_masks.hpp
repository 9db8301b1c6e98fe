#pragma once
/// Which experts a token may ask follows from its id (MaskMoE, Su et al. 2024).

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/rows_by_id.hpp"

namespace gmoe {

/// Frequent token ids may ask `frequent` experts (0: all), the others `rare` of them. Which ones is drawn for every
/// layer and id and never changes: the first so many of a random order of the experts. Frequent are the commonest ids
/// that together make up no more than the share `mass` of the training text, equally common ones by id. Made by
/// `model.prepare(counts)` and saved with the model; until then all may be asked.
struct token_masks {
  using slot = slots::candidates;
  double mass = 0.4;
  index_t frequent = 0, rare = 1;
  index_t seed = 1;
  static constexpr auto fields = std::tuple{
      field{"mass", &token_masks::mass, "share of the text that frequent ids make up at most", between(0, 1)},
      field{"frequent", &token_masks::frequent, "experts that a frequent id may ask; 0: all", at_least(0)},
      field{"rare", &token_masks::rare, "experts that another id may ask", at_least(1)},
      field{"seed", &token_masks::seed, "of the draws", at_least(0)}};

  template <class B>
  struct layer {
    buffer<B> visible;  ///< V x N, ones and zeros
    index_t number;     ///< of the mixture
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    require(rare <= l.experts && frequent <= l.experts, "candidates.", rare <= l.experts ? "frequent" : "rare", " is ",
            rare <= l.experts ? frequent : rare, ", expected at most the ", l.experts, " experts that a layer sees");
    return {make.constant_buffer("visible", l.vocab, l.experts, 1), l.moe_layer};
  }

  /// The order of the experts in which an id of a layer may ask them: Fisher and Yates' shuffle, from the last place
  /// on. The draw of place i (from N - 1 down to 1) is number id N + i of the layer's stream.
  std::vector<index_t> order(index_t number, std::size_t id, std::size_t experts) const {
    const random_stream random =
        random_stream(static_cast<std::uint64_t>(seed)).fork("token masks").fork(static_cast<std::uint64_t>(number));
    std::vector<index_t> all(experts);
    std::iota(all.begin(), all.end(), index_t{0});
    for (std::size_t i = experts - 1; i > 0; --i) std::swap(all[i], all[random.below(id * experts + i, i + 1)]);
    return all;
  }
  /// Which ids are frequent.
  std::vector<bool> frequent_ids(std::span<const std::int64_t> counts) const {
    std::vector<std::size_t> ids(counts.size());
    std::iota(ids.begin(), ids.end(), std::size_t{0});
    std::stable_sort(ids.begin(), ids.end(), [&](std::size_t a, std::size_t b) { return counts[a] > counts[b]; });
    const auto all = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
    std::vector<bool> is(counts.size());
    double seen = 0;
    for (const std::size_t id : ids) {
      seen += static_cast<double>(counts[id]);
      if (counts[id] == 0 || seen > mass * all) break;
      is[id] = true;
    }
    return is;
  }

  void prepare(std::span<const std::int64_t> counts, const auto& my) const {
    auto& table = my.layer.visible.value();
    require(std::ssize(counts) == table.rows(), "token_masks: ", counts.size(), " counts for a vocabulary of ",
            table.rows());
    const auto experts = static_cast<std::size_t>(table.cols());
    const std::vector<bool> common = frequent_ids(counts);
    auto marks = table.to_host();
    std::fill(marks.begin(), marks.end(), 0);
    for (std::size_t id = 0; id < counts.size(); ++id) {
      const std::vector<index_t> who = order(my.layer.number, id, experts);
      const index_t sees = !common[id] ? rare : frequent == 0 ? table.cols() : frequent;
      for (index_t i = 0; i < sees; ++i)
        marks[id * experts + static_cast<std::size_t>(who[static_cast<std::size_t>(i)])] = 1;
    }
    table = std::remove_cvref_t<decltype(table)>::from_host(marks, table.rows(), table.cols());
  }

  template <class B>
  matrix<B> mask(const place<B>& at, const routing<B>& r, const auto& my) const {
    require(at.tokens.size() == r.logits.rows(), "token_masks: ", at.tokens.size(), " token ids for ", r.logits.rows(),
            " tokens; masks need the ids in the context");
    return take_rows(variable<B>(my.layer.visible.value()), at.tokens).value();
  }
};

}  // namespace gmoe
