#include "golden/compare.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "gmoe/io/safetensors_writer.hpp"
#include "io/temp_folder.hpp"

using gmoe::safetensors_file;
using gmoe_test::contains;

namespace {

// What differs after `change` has been at the expected numbers of gmoe_tiny.
template <class Change>
std::string after(bool in_double, Change&& change) {
  const safetensors_file expect(golden::expect_of("gmoe_tiny"));
  std::map<std::string, std::vector<double>> numbers;
  std::map<std::string, std::vector<std::int64_t>> integers;
  for (const auto& t : expect.tensors())
    if (t.type == gmoe::dtype::f64)
      numbers[t.name] = expect.read<double>(t.name);
    else
      integers[t.name] = expect.read<std::int64_t>(t.name);
  change(numbers, integers);
  gmoe::safetensors_writer out;
  for (const auto& [name, values] : numbers)
    out.add(name, expect.contains(name) ? expect.entry(name).shape : std::vector<gmoe::index_t>{}, values);
  for (const auto& [name, values] : integers) out.add(name, expect.entry(name).shape, values);
  const gmoe_test::temp_folder folder;
  out.write(folder / "changed");
  return golden::differences(expect, safetensors_file(folder / "changed"), in_double);
}

// One number moved by `by`.
std::string moved(bool in_double, const std::string& key, std::size_t at, double by) {
  return after(in_double, [&](auto& numbers, auto&) { numbers.at(key).at(at) += by; });
}

}  // namespace

TEST_CASE("golden/compare: equal files do not differ") {
  CHECK(after(true, [](auto&, auto&) {}) == "");
  CHECK(after(false, [](auto&, auto&) {}) == "");
}

TEST_CASE("golden/compare: every number counts, to its tolerance") {
  CHECK(moved(true, "logits", 1463, 0.9e-10) == "");
  CHECK_HAS(moved(true, "logits", 1463, 1.1e-10), "logits: off by 1.1");
  CHECK(moved(false, "logits", 0, 0.9e-4) == "");
  CHECK_HAS(moved(false, "logits", 0, 1.1e-4), "logits: off by");
  CHECK_HAS(moved(true, "layer1/router_probs", 5, 2e-11), "layer1/router_probs: off by");
  CHECK_HAS(moved(false, "layer2/top1_prob", 5, 3e-5), "layer2/top1_prob: off by");
  CHECK_HAS(moved(false, "train/grad_norm", 4, 3e-5), "train/grad_norm: off by");
  CHECK_HAS(moved(false, "layer0/aux_loss", 0, -3e-5), "layer0/aux_loss: off by");
  CHECK_HAS(moved(false, "after/transformer.wpe.weight", 0, 6e-5), "after/transformer.wpe.weight: off by");
  CHECK_HAS(moved(true, "ln_f", 3, std::nan("")), "ln_f: off by");
  CHECK_HAS(moved(false, "ln_f", 0, std::nan("")), "ln_f: off by");
}

TEST_CASE("golden/compare: gradients are measured by their largest entry, zeros absolutely") {
  const std::string key = "grad/transformer.h.0.ln_1.bias";
  const auto gradient = safetensors_file(golden::expect_of("gmoe_tiny")).read<double>(key);
  double largest = 0;
  for (double x : gradient) largest = std::max(largest, std::abs(x));
  CHECK(moved(false, key, 2, 0.9e-4 * largest) == "");
  CHECK_HAS(moved(false, key, 2, 1.1e-4 * largest), key);
  const std::string zero = "grad/transformer.h.0.mlp.moe.prev_score_ln.weight";
  CHECK(moved(true, zero, 0, 1e-11) == "");
  CHECK_HAS(moved(true, zero, 0, 2e-10), zero);
}

TEST_CASE("golden/compare: the key bias, and only that, is free to move in float") {
  const std::string key = "after/transformer.h.1.attn.c_attn.bias";
  for (std::size_t at : {16, 31}) {
    CHECK(moved(false, key, at, 1e-3) == "");
    CHECK_HAS(moved(false, key, at, 3e-3), key);
    CHECK_HAS(moved(true, key, at, 1e-9), key);
  }
  for (std::size_t at : {15, 32}) CHECK_HAS(moved(false, key, at, 1e-3), key);
}

TEST_CASE("golden/compare: integers, keys and shapes are exact") {
  CHECK(after(true, [](auto&, auto& integers) { integers.at("layer1/top1_idx")[3] ^= 1; }) ==
        "layer1/top1_idx: other integers\n");
  CHECK(after(true, [](auto& numbers, auto&) { numbers.erase("ln_f"); }) == "ln_f: missing\n");
  CHECK(after(true, [](auto& numbers, auto&) { numbers["new"] = {1.0}; }) == "new: not expected\n");
  CHECK_HAS(golden::differences(safetensors_file(golden::expect_of("gmoe_tiny")),
                                safetensors_file(golden::expect_of("gmoe_deep")), true),
            "logits: F64 [3, 20, 97], expected F64 [2, 12, 61]");
}
