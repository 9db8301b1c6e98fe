#pragma once
/// A small result file, made by hand: 10 tokens through the blocks 0 (2 experts) and 2 (3 experts).

#include "compare/plan.hpp"

inline compare::json made_result(const compare::run_plan& plan, const compare::split_text& text) {
  using compare::json;
  json r{{"settings", plan.settings(text)}, {"variant", plan.variant}, {"seed", plan.how.seed}};
  r["match"] = nullptr;
  r["initial_backbone"] = "0123";
  for (const char* key : {"parameters_total",
                          "parameters_active",
                          "multiply_adds_per_token",
                          "training_flops_per_token",
                          "validation_loss",
                          "perplexity",
                          "bits_per_byte",
                          "balance_loss",
                          "tokens_per_second",
                          "training_seconds",
                          "training_tokens",
                          "peak_memory_bytes",
                          "validation_tokens",
                          "path_length",
                          "path_entropy",
                          "path_entropy_miller_madow",
                          "normalized_path_entropy",
                          "markov_path_entropy",
                          "effective_paths",
                          "distinct_paths",
                          "top1_path_mass",
                          "top10_path_mass",
                          "top100_path_mass",
                          "smoothness"})
    r[key] = 1.5;
  for (const char* key : {"mutual_information", "normalized_mutual_information", "agreement", "set_consistency",
                          "router_entropy", "margin"})
    r[key] = nullptr;
  r["curve"] = {{"training", {{1, 5.5}, {2, 5.0}}}, {"validation", {{2, 5.25}}}, {"same_tokens", {{2, 5.3}}}};
  r["texts"] = json::object();
  for (const compare::validation_text& other : text.others) {
    r[compare::loss_on + other.name] = 1.5;
    r["texts"][other.name] = {{"tokens", 9}, {"perplexity", 4.5}, {"bits_per_byte", 2.2}, {"layers", json::array()}};
    for (const auto& [block, shares] : {std::pair{0, std::vector{0.5, 0.5}}, {2, std::vector{0.5, 0.5, 0.0}}})
      r["texts"][other.name]["layers"].push_back({{"block", block}, {"fractions", shares}});
  }
  r["analysis_tokens"] = 10u;
  r["load_cv"] = {0.1, 0.2};
  const auto layer = [](unsigned block, std::vector<double> fractions) {
    json l{{"block", block}, {"experts", fractions.size()}, {"fractions", fractions}};
    for (const char* key : {"cv", "gini", "normalized_entropy", "max_violation", "dead_share", "drop_rate"})
      l[key] = 0.5;
    for (const char* key : {"probability_gap", "router_entropy", "margin"}) l[key] = nullptr;
    return l;
  };
  r["layers"] = {layer(0, {0.7, 0.3}), layer(2, {0, 0.3, 0.7})};
  r["paths"] = json{{"top", {{{"steps", {0u, 2u}}, {"share", 0.7}}, {{"steps", {1u, 1u}}, {"share", 0.3}}}},
                    {"links", {{{0.0, 0.0, 0.7}, {0.0, 0.3, 0.0}}}}};
  r["histogram"] = {{"blocks", {0u, 2u}}, {"experts", {2u, 3u}}, {"steps", {0u, 2u, 1u, 1u}}, {"count", {7u, 3u}}};
  r["clusters"] = nullptr;
  return r;
}
