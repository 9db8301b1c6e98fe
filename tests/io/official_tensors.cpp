#include "gmoe/io/official_tensors.hpp"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/model/any_model.hpp"

using namespace gmoe;
using B = cpu<double>;
using shape = std::vector<index_t>;

namespace {

constexpr auto two_experts = [] {
  sizes s;
  s.vocab = 11, s.positions = 5, s.d_model = 4, s.layers = 3, s.heads = 2, s.d_ff = 6, s.experts = 2;
  return s;
};

/// A model of the card with its mixtures in these blocks, where it lists them.
std::unique_ptr<any_model<B>> model_in_blocks(std::string_view name, const char* blocks) {
  if (!name.starts_with("official-")) return make_model<B>(name, two_experts());
  any_card card = make_card<official_cards>(name);
  change_setting(card, "placement.blocks", blocks);
  return make_model<B, official_cards>(card, two_experts());
}

std::map<std::string, official_tensor<B>> all_of(any_model<B>& model) {
  std::map<std::string, official_tensor<B>> all;
  each_official_tensor(model, [&](const official_tensor<B>& t) { CHECK(all.emplace(t.name, t).second); });
  return all;
}

// Every element of every parameter belongs to exactly one tensor that is no repetition.
void check_covers(any_model<B>& model) {
  each_official_tensor(model, [](const official_tensor<B>& t) {
    if (t.repeats()) return;
    std::vector<double> ones = t.pack(t.holder->gradient());
    for (double& x : ones) x += 1;
    t.unpack(ones, t.holder->gradient());
  });
  for (parameter<B>* p : model.parameters()) {
    CAPTURE(p->name());
    CHECK(p->gradient().to_host() == std::vector<double>(static_cast<std::size_t>(p->size()), 1.0));
  }
}

}  // namespace

TEST_CASE("io/official_tensors: cover every parameter once") {
  for (const char* name :
       {"gmoe", "official-gmoe-state-logits", "official-gmoe-local", "official-switch", "dense-relu"}) {
    CAPTURE(name);
    check_covers(*model_in_blocks(name, "1 2"));
  }
}

TEST_CASE("io/official_tensors: shared tensors are repeated under every mixture") {
  const auto model = model_in_blocks("official-gmoe", "1 2");
  const auto all = all_of(*model);
  const auto& again = all.at("transformer.h.2.mlp.moe.global_experts.1.w1.weight");
  CHECK(again.first_name == "transformer.h.1.mlp.moe.global_experts.1.w1.weight");
  CHECK(again.repeats());
  CHECK_FALSE(all.at(again.first_name).repeats());
  CHECK(all.at(again.first_name).holder == again.holder);
  CHECK(all.at("transformer.h.2.mlp.moe.shared_router.gru.bias_ih").first_name ==
        "transformer.h.1.mlp.moe.shared_router.gru.bias_ih");
  CHECK(all.at("lm_head.weight").first_name == "transformer.wte.weight");
  CHECK_FALSE(all.at("transformer.h.2.mlp.moe.gate_head.weight").repeats());
  CHECK(all.contains("transformer.h.0.mlp.moe.experts.0.w1.weight"));  // the bare expert of a block without router
  CHECK_FALSE(all.contains("transformer.h.0.mlp.moe.gate_head.weight"));
}

TEST_CASE("io/official_tensors: shapes, also where the width is 1") {
  sizes s = two_experts();
  s.d_model = 1, s.heads = 1;
  const auto model = make_model<B>(make_card("gmoe"), s, 1, build_mode::shapes_only);
  const auto all = all_of(*model);
  CHECK(all.at("transformer.h.0.attn.c_attn.weight").shape == shape{1, 3});
  CHECK(all.at("transformer.h.0.attn.c_attn.bias").shape == shape{3});
  CHECK(all.at("transformer.h.0.mlp.moe.experts.0.w1.weight").shape == shape{6, 1});
  CHECK(all.at("transformer.h.0.mlp.moe.experts.0.w2.weight").shape == shape{1, 6});
  CHECK(all.at("transformer.h.0.mlp.moe.prev_score_proj.weight").shape == shape{1, 2});
  CHECK(all.at("transformer.h.0.mlp.moe.gate_head.weight").shape == shape{2, 2});
  CHECK(all.at("transformer.ln_f.weight").shape == shape{1});
}

TEST_CASE("io/official_tensors: an expert is its rows of the bank, w2 transposed") {
  const sizes s = two_experts();
  const auto model = make_model<B>("gmoe", s);
  const auto all = all_of(*model);
  const auto bank = [&](const std::string& name) {
    for (const parameter<B>* p : model->parameters())
      if (p->name() == name) return p->value().to_host();
    return std::vector<double>{};
  };
  const auto w_in = bank("experts.w_in"), w_out = bank("experts.w_out");
  const auto& w1 = all.at("transformer.h.0.mlp.moe.global_experts.1.w1.weight");
  const auto& w2 = all.at("transformer.h.0.mlp.moe.global_experts.1.w2.weight");
  CHECK(w1.shape == shape{6, 4});
  CHECK(w2.shape == shape{4, 6});
  const auto a = w1.pack(w1.holder->value()), b = w2.pack(w2.holder->value());
  for (std::size_t unit = 0; unit < 6; ++unit)
    for (std::size_t j = 0; j < 4; ++j) {
      CHECK(a[unit * 4 + j] == w_in[(6 + unit) * 4 + j]);
      CHECK(b[j * 6 + unit] == w_out[(6 + unit) * 4 + j]);
    }
  auto changed = b;
  changed[1] = 7;  // output 0 of unit 1
  w2.unpack(changed, w2.holder->value());
  auto expected = w_out;
  expected[(6 + 1) * 4] = 7;
  CHECK(bank("experts.w_out") == expected);
  CHECK_THROWS_AS(w2.unpack(std::vector<double>(3), w2.holder->value()), config_error);
}

TEST_CASE("io/official_tensors: experts of private pools count from 0 in every block") {
  const auto model = model_in_blocks("official-switch", "0 2");
  const auto all = all_of(*model);
  CHECK(all.at("transformer.h.2.mlp.moe.experts.0.w1.weight").first_row == 12);
  CHECK(all.at("transformer.h.2.mlp.moe.experts.1.w1.weight").first_row == 18);
  CHECK(all.at("transformer.h.2.mlp.moe.router.gate.weight").shape == shape{2, 4});
  CHECK_FALSE(all.contains("transformer.h.1.mlp.moe.experts.1.w1.weight"));
}

TEST_CASE("io/official_tensors: GPT-2's feed-forward layer has no official form") {
  const auto model = make_model<B>("switch", two_experts());
  CHECK_THROWS_WITH_AS(each_official_tensor(*model, [](const auto&) {}),
                       "block 1 has GPT-2's feed-forward layer, which official checkpoints do not have; expected "
                       "relu_feed_forward",
                       config_error);
}
