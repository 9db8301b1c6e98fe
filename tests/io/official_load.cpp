#include "gmoe/io/official_load.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/io/official_save.hpp"
#include "io/checkpoint.hpp"

using namespace gmoe;
using gmoe_test::checkpoint;
using gmoe_test::golden_files;
using gmoe_test::message_of;
using gmoe_test::temp_folder;
using floats = cpu<float>;

namespace {

// All parameters, one after the other.
template <class Model>
std::vector<typename Model::backend_type::scalar> values_of(Model& model) {
  std::vector<typename Model::backend_type::scalar> all;
  for (auto* p : model.parameters()) {
    const auto v = p->value().to_host();
    all.insert(all.end(), v.begin(), v.end());
  }
  return all;
}

std::vector<float> load(const checkpoint& c) {
  const temp_folder folder;
  c.write(folder.path);
  const auto model = load_official<floats>(folder.path);
  return values_of(*model);
}
std::string complaint(const checkpoint& c) {
  return message_of<file_error>([&] { load(c); });
}

const std::string expert = ".mlp.moe.global_experts.2.w1.weight";

}  // namespace

TEST_CASE("io/official_load: every golden case, its variant chosen by its config") {
  for (const char* name : {"gmoe_tiny", "gmoe_deep", "gmoe_no_local", "gmoe_no_logits", "gmoe_no_state", "switch_tiny",
                           "gshard_tiny", "dense_tiny"}) {
    CAPTURE(name);
    const safetensors_file weights(golden_files(name).weights);
    const std::size_t checked = with_official_model<floats>(golden_files(name), [&](auto& model) {
      std::size_t count = 0;
      each_official_tensor(model, [&](const official_tensor<floats>& t) {
        CAPTURE(t.name);
        CHECK(t.pack(t.holder->value()) == weights.read<float>(t.name));
        ++count;
      });
      return count;
    });
    CHECK(checked == weights.tensors().size());
  }
}

TEST_CASE("io/official_load: the variant can be asked for") {
  auto model = load_official<gmoe_card, floats>(golden_files("gmoe_tiny"));
  CHECK(model.shape().experts == 4);
  CHECK(values_of(model) == load(checkpoint::golden("gmoe_tiny")));

  CHECK_HAS(
      message_of<file_error>([] { load_official<gmoe_card, floats>(golden_files("gmoe_no_state")); }),
      "is a gmoe model with use_local_expert = true, use_prev_logits = true, use_router_state = false, expected a "
      "gmoe model with use_local_expert = true, use_prev_logits = true, use_router_state = true");
  CHECK_HAS(message_of<file_error>([] { load_official<gmoe_card, floats>(golden_files("gshard_tiny")); }),
            "is a gshard model, expected a gmoe model");
  // This card puts mixtures in all blocks.
  checkpoint fewer = checkpoint::golden("gmoe_tiny");
  fewer.config["moe_layers"] = {1, 2};
  const temp_folder folder;
  fewer.write(folder / "fewer");
  CHECK_HAS(message_of<file_error>([&] { load_official<gmoe_card, floats>(folder / "fewer"); }),
            "block 0 has no router, but the card's placement says otherwise");
  // A model whose card is known is saved like one whose card is chosen at run time.
  save_official(folder / "saved", model);
  CHECK(gmoe_test::slurp(folder / "saved/model.safetensors") == gmoe_test::slurp(golden_files("gmoe_tiny").weights));
}

TEST_CASE("io/official_load: files as others write them") {
  const checkpoint original = checkpoint::golden("gmoe_tiny");
  const std::vector<float> expected = load(original);

  checkpoint c = original;
  c.with_metadata = false;
  CHECK(load(c) == expected);
  c.tensors.erase("lm_head.weight");
  CHECK(load(c) == expected);

  const temp_folder folder;
  original.write(folder / "deeper" / "elsewhere", "last_checkpoint.safetensors");
  const auto model = load_official<floats>(folder / "deeper" / "elsewhere");
  CHECK(values_of(*model) == expected);
}

TEST_CASE("io/official_load: F64, BF16 and F16 weights") {
  const checkpoint original = checkpoint::golden("gmoe_tiny");
  const std::vector<float> expected = load(original);

  checkpoint wide = original;
  wide.store_as<double>(dtype::f64, [](float x) { return static_cast<double>(x); });
  CHECK(load(wide) == expected);

  checkpoint narrow = original;
  narrow.store_as<std::uint16_t>(dtype::bf16, [](float x) { return std::bit_cast<std::uint32_t>(x) >> 16; });
  const std::vector<float> cut = load(narrow);
  REQUIRE(cut.size() == expected.size());
  for (std::size_t i = 0; i < cut.size(); ++i)
    REQUIRE(cut[i] == std::bit_cast<float>(std::bit_cast<std::uint32_t>(expected[i]) & 0xFFFF0000u));

  checkpoint half = original;
  half.store_as<std::uint16_t>(dtype::f16, [](float x) { return x < 0 ? 0xBC00 : 0x3C00; });  // -1 and 1
  const std::vector<float> signs = load(half);
  for (std::size_t i = 0; i < signs.size(); ++i) REQUIRE(signs[i] == (expected[i] < 0 ? -1.0f : 1.0f));

  // Copies of different types are equal where their numbers are.
  checkpoint mixed = original;
  mixed.store_one_as<double>("transformer.h.1" + expert, dtype::f64, [](float x) { return static_cast<double>(x); });
  CHECK(load(mixed) == expected);
  mixed.store_one_as<double>("transformer.h.2" + expert, dtype::f64, [](float x) { return x + 1e-12; });
  CHECK_HAS(complaint(mixed), "transformer.h.2" + expert + "' differs from 'transformer.h.0" + expert);
}

TEST_CASE("io/official_load: copies must be equal") {
  for (const auto& [copy, first] :
       {std::pair<std::string, std::string>{"transformer.h.1" + expert, "transformer.h.0" + expert},
        {"transformer.h.2.mlp.moe.shared_router.gru.bias_hh", "transformer.h.0.mlp.moe.shared_router.gru.bias_hh"},
        {"lm_head.weight", "transformer.wte.weight"}}) {
    checkpoint c = checkpoint::golden("gmoe_tiny");
    c.tensors.at(copy).bytes.back() ^= 1;
    CHECK_HAS(complaint(c), "tensor '" + copy + "' differs from '" + first + "', expected equal copies");
  }
}

TEST_CASE("io/official_load: tensors that are missing, unexpected or of another form") {
  const checkpoint original = checkpoint::golden("gmoe_tiny");
  for (const std::string name : {"transformer.wpe.weight", "transformer.h.2.mlp.moe.h_ln.bias"}) {
    checkpoint c = original;
    c.tensors.erase(name);
    CHECK_HAS(complaint(c),
              "has no tensor '" + name + "', which the config, a gmoe model with use_local_expert = true");
  }
  checkpoint c = original;
  c.tensors.erase("transformer.h.2" + expert);
  CHECK_HAS(complaint(c), "has no tensor 'transformer.h.2" + expert);

  c = original;
  c.tensors["transformer.h.0.attn.rotary"] = {dtype::f32, {1}, "abcd"};
  CHECK_HAS(complaint(c), "has the tensor 'transformer.h.0.attn.rotary', which the config");

  c = original;
  c.tensors.at("transformer.h.1.attn.c_attn.weight").shape = {48, 16};
  CHECK_HAS(complaint(c), "tensor 'transformer.h.1.attn.c_attn.weight' has shape [48, 16], expected [16, 48]");

  c = original;
  c.tensors.at("transformer.ln_f.bias").type = dtype::i32;
  CHECK_HAS(complaint(c), "tensor 'transformer.ln_f.bias' holds I32, expected F16, BF16, F32 or F64");
}

TEST_CASE("io/official_load: weights of another model than the config's") {
  const checkpoint original = checkpoint::golden("gmoe_tiny");
  const auto say = [&](const char* field, const nlohmann::ordered_json& value) {
    checkpoint c = original;
    c.config[field] = value;
    const temp_folder folder;
    c.write(folder.path);
    return message_of<file_error>([&] { with_official_model<floats>(folder.path, [](auto&) {}); });
  };
  CHECK_HAS(say("vocab_size", 62), "tensor 'transformer.wte.weight' has shape [61, 16], expected [62, 16]");
  CHECK_HAS(say("num_global_experts", 3),
            "has the tensor 'transformer.h.0.mlp.moe.global_experts.3.w1.weight', which the config");
  CHECK_HAS(say("num_global_experts", 5), "has no tensor 'transformer.h.0.mlp.moe.global_experts.4.w1.weight'");
  CHECK_HAS(say("n_layer", 2), "has the tensor 'transformer.h.2.");
  CHECK_HAS(say("n_layer", 4), "has no tensor 'transformer.h.3.ln_1.weight'");
  CHECK_HAS(say("use_router_state", false), "shared_router.gru.");
  CHECK_HAS(say("use_prev_logits", false), "prev_score_ln.");
  CHECK_HAS(say("use_local_expert", false), "has the tensor 'transformer.h.0.mlp.moe.experts.0.w1.weight'");
  CHECK_HAS(say("moe_layers", {0, 1}), "has the tensor 'transformer.h.2.mlp.moe.");
  CHECK_HAS(say("moe_type", "switch"), "a switch model");
  CHECK_HAS(say("moe_type", "dense"), "a dense model");
  // Sizes that nothing could hold are refused before anything is built.
  CHECK_HAS(say("n_layer", 100000), "too few for the config's n_layer = 100000");
  CHECK_HAS(say("num_global_experts", 2147483647), "too few for the config's 2147483647 experts");
  CHECK_HAS(say("n_inner", 2147483647), "expected [2147483647, 16]");
  CHECK_HAS(say("n_embd", 2147483646),
            "d_model = 2147483646, d_ff = 32 and experts = 4 make a model that is too large");
}
