#pragma once
/// What the paths of a model's choices are worth: how alike they are over depth, what is lost when other experts run
/// than those that were asked, and how many paths are enough.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gmoe/analysis/chosen_paths.hpp"
#include "gmoe/train/evaluate.hpp"

namespace examples {

/// What is read, and which probes are made.
struct probe_options {
  std::span<const std::uint8_t> recorded, text;  ///< whose paths are the frequent ones; what is evaluated
  std::vector<gmoe::index_t> paths{10, 100, 500};
  gmoe::path_of what = gmoe::path_of::sets;
  int shuffles = 3;
  std::uint64_t seed = 1;
  gmoe::index_t sequence = 128, batch = 16;
};

/// Jaccard indices of the sets that neighbouring layers select.
struct consistency_report {
  std::vector<double> by_layer;  ///< of layers 0 and 1, 1 and 2, ...; NaN where nobody is selected in either
  double mean = 0, by_chance = 0;
};

/// The loss where only the most frequent paths may be taken.
struct paths_row {
  gmoe::index_t allowed = 0;
  double recorded = 0, on_them = 0;  ///< shares of the tokens that take one of these anyway, in both texts
  gmoe::evaluation loss;
};

struct probe_report {
  gmoe::index_t layers = 0, recorded_paths = 0;  ///< different ones
  gmoe::evaluation whole;                        ///< without a rule
  bool shares_experts = false;                   ///< layers do
  /// By the number in the layer and, where layers share experts, by the expert. Empty with one layer alone.
  std::vector<consistency_report> within_layer, global;
  std::vector<gmoe::evaluation> shuffled;
  std::vector<paths_row> rows;
  std::string no_paths;  ///< why tokens cannot be held to paths, or empty
};

}  // namespace examples
