#pragma once
/// Runs the program `trace` as a user does, and reads what it wrote.

#include <doctest/doctest.h>

#include <sys/wait.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "gmoe/io/safetensors.hpp"
#include "gmoe/model/registry.hpp"
#include "io/temp_folder.hpp"
#include "naive_backbone.hpp"

namespace gmoe_test {

/// Those whose equations are in variant_equations.hpp; others have some of their own in tests/cards.
using cards_with_variants =
    gmoe::join_cards<gmoe::dense_cards, gmoe::switch_cards, gmoe::gshard_cards, gmoe::deepseek_cards, gmoe::gmoe_cards>;

/// How a program ended, and what it said about it.
struct outcome {
  int status;
  std::string err;
};

/// A folder with tokens, where `trace` runs.
struct trace_folder {
  temp_folder folder;

  void write(const char* name, const std::vector<std::int64_t>& tokens, const std::vector<std::int64_t>& targets) {
    gmoe::safetensors_writer file;
    const std::vector<gmoe::index_t> shape{2, static_cast<gmoe::index_t>(tokens.size()) / 2};
    file.add("tokens", shape, tokens);
    if (!targets.empty()) file.add("targets", shape, targets);
    file.write(folder / name);
  }
  std::string path(const char* name) const { return "'" + (folder / name).string() + "'"; }
  outcome run(const std::string& arguments) const {
    const std::string command = "'" GMOE_TRACE "' " + arguments + " >" + path("stdout") + " 2>" + path("stderr");
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, slurp(folder / "stderr")};
  }
  /// What a run writes, which must succeed.
  gmoe::safetensors_file trace(const std::string& arguments, const char* out = "out") const {
    const outcome r = run(arguments + " --out " + path(out));
    CHECK(r.err == "");
    REQUIRE(r.status == 0);
    return gmoe::safetensors_file(folder / out);
  }
};

/// Whole numbers of a file, with -1 for whatever is negative.
inline std::vector<int> small_ids(const gmoe::safetensors_file& file, const std::string& name) {
  std::vector<int> ids;
  for (const std::int64_t v : file.read<std::int64_t>(name))
    ids.push_back(static_cast<int>(std::max<std::int64_t>(v, -1)));
  return ids;
}

/// The largest difference, relative to the largest of `b` or 1.
inline double distance(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0, largest = 1;
  for (std::size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, a[i] == b[i] ? 0 : std::isfinite(a[i] - b[i]) ? std::abs(a[i] - b[i]) : 1e300);
    largest = std::max(largest, std::abs(b[i]));
  }
  return worst / largest;
}

inline std::vector<double> values(const naive::mat& m) {
  std::vector<double> v;
  for (const naive::vec& row : m)
    for (const naive::number& x : row) v.push_back(x.value());
  return v;
}

/// The parameters that a file has below `state`, for a reference.
inline naive::weights weights_in(const gmoe::safetensors_file& file, const std::string& state = "parameter/") {
  naive::weights all;
  for (const gmoe::tensor_entry& t : file.tensors()) {
    if (!t.name.starts_with(state)) continue;
    naive::weight& w = all[t.name.substr(state.size())];
    w.rows = static_cast<std::size_t>(t.shape[0]);
    w.cols = static_cast<std::size_t>(t.shape[1]);
    for (const double v : file.read<double>(t.name)) w.values.push_back(naive::number::leaf(v));
  }
  return all;
}

}  // namespace gmoe_test
