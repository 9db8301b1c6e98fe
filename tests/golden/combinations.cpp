// The golden data have each switch of GMoE off once. The other combinations follow from them: a part whose weights are
// zero is a part that is not there.

#include <doctest/doctest.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/io/official.hpp"
#include "gmoe/io/official_trace.hpp"
#include "golden/compare.hpp"
#include "io/checkpoint.hpp"

using gmoe_test::checkpoint;
using gmoe_test::temp_folder;
using B = gmoe::cpu<double>;

namespace {

// Names of a trace that do not exist in both forms, or describe a part that is not there in one of them.
bool only_there(const std::string& name) {
  return name.ends_with("local_out") || name.find("prev_score") != name.npos || name.find("gate_head") != name.npos ||
         (name.starts_with("grad/") && name.find("moe.experts.0") != name.npos);
}

void trace(const std::filesystem::path& folder, const std::filesystem::path& out) {
  const gmoe::safetensors_file expect(golden::expect_of("gmoe_tiny"));
  gmoe::trace_file<double> file;
  gmoe::with_official_model<B>(
      folder, [&](auto& model) { gmoe::official_tracer(model, expect.read<std::int64_t>("tokens"), 2, file).pass(); });
  file.write(out);
}

void erase(checkpoint& c, const char* part) {
  std::erase_if(c.tensors, [part](const auto& t) { return t.first.find(part) != t.first.npos; });
}

}  // namespace

TEST_CASE("golden/combinations: all eight switch settings") {
  for (bool state : {true, false})
    for (bool logits : {true, false})
      for (bool local : {true, false}) {
        CAPTURE(state);
        CAPTURE(logits);
        CAPTURE(local);
        checkpoint with_zeros = checkpoint::golden(state ? "gmoe_tiny" : "gmoe_no_state"), without = with_zeros;
        for (auto& [name, t] : with_zeros.tensors) {
          if (!local && name.ends_with("moe.experts.0.w2.weight")) t.bytes.assign(t.bytes.size(), '\0');
          if (!logits && name.ends_with("gate_head.weight")) {
            auto& cut = without.tensors.at(name);
            const std::size_t row = t.bytes.size() / 4;  // one of 4 experts: features of h, then of the logits
            cut.bytes.clear();
            cut.shape = {4, 16};
            for (std::size_t e = 0; e < 4; ++e) {
              cut.bytes += t.bytes.substr(e * row, row / 2);
              t.bytes.replace(e * row + row / 2, row / 2, row / 2, '\0');
            }
          }
        }
        if (!local) erase(without, "moe.experts.0.");
        if (!logits) erase(without, "prev_score_");
        without.config["use_local_expert"] = local;
        without.config["use_prev_logits"] = logits;
        without.config["use_router_state"] = state;

        const temp_folder folder;
        with_zeros.write(folder / "zeros");
        without.write(folder / "without");
        trace(folder / "zeros", folder / "expect");
        trace(folder / "without", folder / "actual");
        const gmoe::safetensors_file expect(folder / "expect"), actual(folder / "actual");
        std::set<std::string> keys;
        for (const auto& t : actual.tensors()) {
          CAPTURE(t.name);
          REQUIRE(expect.contains(t.name));
          if (t.type == gmoe::dtype::i64 || only_there(t.name)) continue;
          const auto a = actual.read<double>(t.name), e = expect.read<double>(t.name);
          double worst = 0;
          for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - e[i]));
          CHECK(worst < 1e-12);
          keys.insert(t.name);
        }
        for (const char* key : {"total_loss", "layer2/block_out", "layer2/router_logits", "grad/transformer.wte.weight",
                                "grad/transformer.h.0.mlp.moe.global_experts.1.w2.weight"})
          CHECK(keys.contains(key));
        CHECK(actual.contains("layer0/local_out") == local);
        CHECK(actual.contains("grad/transformer.h.1.mlp.moe.prev_score_proj.weight") == logits);
        CHECK(actual.contains("grad/transformer.h.0.mlp.moe.shared_router.gru.bias_hh") == state);
      }
}
