// The code of docs/variants/buddy.md, run on a small model.
#include <cmath>
#include <iostream>
#include <memory>
#include <span>
#include <vector>

#include "gmoe/analysis/buddies.hpp"
#include "gmoe/analysis/expert_similarity.hpp"
#include "gmoe/analysis/expert_usage.hpp"
#include "gmoe/backend/cpu.hpp"
#include "gmoe/model/any_model.hpp"
#include "gmoe/model/within_budget.hpp"
#include "gmoe/train/evaluate.hpp"

namespace {

using backend = gmoe::cpu<float>;
using bytes = std::span<const std::uint8_t>;

// [within]
/// Perplexity of a trained model of any card with a share of its experts in memory.
double perplexity_within(const gmoe::any_model<backend>& model, bytes recorded, bytes text, double share) {
  const auto usage = gmoe::record_usage(model, recorded, 32, 8);  // who is asked, and with whom
  std::vector<gmoe::buddy_lists> buddies;
  for (const gmoe::layer_usage& layer : usage) buddies.push_back(gmoe::buddies_by_routing(layer, 0.9));
  const gmoe::expert_budget budget = gmoe::make_budget(usage, gmoe::most_used(usage, share), buddies);
  return gmoe::evaluate(gmoe::within_budget(model, budget), text, 32, 8).perplexity();
}
// [/within]

// [weights]
/// The buddies of layer 0 by the experts' weights.
gmoe::buddy_lists similar_experts(gmoe::any_model<backend>& model, std::span<const gmoe::layer_usage> usage) {
  const auto parameters = model.parameters();
  return gmoe::buddies_by_similarity(usage[0], gmoe::expert_similarity<backend>(parameters, usage, 0));
}
// [/weights]

// [drop]
constexpr gmoe::absence dropped{.substitute = false},
    dropped_and_renormalised{.substitute = false, .renormalise = true};
// [/drop]

bool check(bool right, const char* what) {
  if (!right) std::cerr << what << " is not so\n";
  return right;
}

}  // namespace

int main() {
  std::vector<std::uint8_t> text(800);
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<std::uint8_t>(i * i % 251);
  const bytes all(text), recorded = all.first(400), rest = all.subspan(400);
  const auto model = gmoe::make_model<backend>(
      "smoe", {.positions = 32, .d_model = 16, .layers = 2, .heads = 2, .d_ff = 16, .experts = 8});
  const double whole = gmoe::evaluate(*model, rest, 32, 8).perplexity();
  const auto usage = gmoe::record_usage(*model, recorded, 32, 8);
  static_assert(!dropped.renormalise && dropped_and_renormalised.renormalise);
  bool right = check(perplexity_within(*model, recorded, rest, 1) == whole, "the perplexity with all experts");
  right &= check(perplexity_within(*model, recorded, rest, 0.25) != whole, "the perplexity with a quarter of them");
  right &= check(similar_experts(*model, usage)[0].size() == 7, "the length of a list of buddies");
  return right ? 0 : 1;
}
