#pragma once
// The golden cases, and how close to them is close enough.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/io/safetensors_reader.hpp"

namespace golden {

inline const std::vector<std::string> cases{"gmoe_tiny",     "gmoe_deep",   "gmoe_no_local", "gmoe_no_logits",
                                            "gmoe_no_state", "switch_tiny", "gshard_tiny",   "dense_tiny"};

inline std::filesystem::path file_of(const std::string& name, const char* what) {
  return std::string(GMOE_TESTS_DIR) + "/golden/" + name + what;
}
inline std::filesystem::path expect_of(const std::string& name) { return file_of(name, ".expect.safetensors"); }

// Training steps that a case expects.
inline std::int64_t steps_of(const gmoe::safetensors_file& expect) {
  return expect.contains("train/lr") ? expect.entry("train/lr").elements() : 0;
}

// Largest error of a number under this key: the table in README.md.
inline double tolerance(std::string_view key, bool in_double) {
  const auto pick = [in_double](double wide, double narrow) { return in_double ? wide : narrow; };
  if (key.starts_with("grad/")) return pick(1e-10, 1e-4);
  if (key.starts_with("after/")) return pick(1e-10, 5e-5);
  if (key.starts_with("train/") || key.ends_with("loss")) return pick(1e-10, 2e-5);
  if (key.ends_with("probs") || key.ends_with("prob") || key.ends_with("topk_weight")) return pick(1e-11, 2e-5);
  return pick(1e-10, 1e-4);
}

// What differs between two files, one line per tensor; empty if nothing does. The key sets must be equal.
inline std::string differences(const gmoe::safetensors_file& expect, const gmoe::safetensors_file& actual,
                               bool in_double) {
  std::string out;
  for (const gmoe::tensor_entry& t : actual.tensors())
    if (!expect.contains(t.name)) out += gmoe::concat(t.name, ": not expected\n");
  for (const gmoe::tensor_entry& t : expect.tensors()) {
    if (!actual.contains(t.name)) {
      out += gmoe::concat(t.name, ": missing\n");
      continue;
    }
    const gmoe::tensor_entry& found = actual.entry(t.name);
    if (found.type != t.type || found.shape != t.shape) {
      out += gmoe::concat(t.name, ": ", gmoe::facts(found.type).name, " ", gmoe::shape_text(found.shape), ", expected ",
                          gmoe::facts(t.type).name, " ", gmoe::shape_text(t.shape), "\n");
      continue;
    }
    if (!gmoe::facts(t.type).floating) {
      if (actual.read<std::int64_t>(t.name) != expect.read<std::int64_t>(t.name))
        out += gmoe::concat(t.name, ": other integers\n");
      continue;
    }
    const auto e = expect.read<double>(t.name), a = actual.read<double>(t.name);
    double scale = 0;
    if (t.name.starts_with("grad/"))
      for (double x : e) scale = std::max(scale, std::abs(x));
    if (scale == 0) scale = 1;
    const bool attention_bias = t.name.starts_with("after/") && t.name.ends_with("attn.c_attn.bias");
    double worst = 0;  // in tolerances
    for (std::size_t i = 0; i < e.size(); ++i) {
      // The gradient of the key bias is rounding noise, which Adam turns into steps.
      const bool key_bias = attention_bias && i / (e.size() / 3) == 1;
      const double allowed = !in_double && key_bias ? 2e-3 : tolerance(t.name, in_double);
      const double error = std::abs(a[i] - e[i]) / scale / allowed;
      worst = std::max(worst, std::isnan(error) ? std::numeric_limits<double>::infinity() : error);
    }
    if (worst > 1) out += gmoe::concat(t.name, ": off by ", worst, " times the tolerance\n");
  }
  return out;
}

}  // namespace golden
