#pragma once
/// A model with fewer and fewer experts in memory: what it loses with buddies for the absent ones, and without.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gmoe/moe/expert_budget.hpp"
#include "gmoe/train/evaluate.hpp"

namespace examples {

/// What is read, and with which budgets.
struct budget_options {
  std::span<const std::uint8_t> recorded, text;  ///< whose routing says who stays and who is a buddy; what is evaluated
  std::vector<double> budgets;                   ///< shares of the experts of each pool
  double alpha = 1;                              ///< see buddies_by_routing
  bool renormalise = false;                      ///< see gmoe::absence
  gmoe::index_t sequence = 128, batch = 16;
};

/// One way to do without the absent experts.
struct budget_loss {
  gmoe::evaluation loss;
  gmoe::budget_pairs pairs;
};

struct budget_row {
  double budget = 0;
  gmoe::index_t in_memory = 0;  ///< experts, of all pools
  budget_loss by_routing, by_weights, dropped;
};

struct budget_report {
  gmoe::index_t experts = 0;  ///< that have weights
  gmoe::evaluation whole;     ///< with all of them
  std::vector<budget_row> rows;
  std::string no_weights;  ///< why there are no buddies by weights, or empty
};

}  // namespace examples
