#include "gmoe/io/official_trace.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/io/safetensors_reader.hpp"
#include "gmoe/model/any_model.hpp"
#include "io/temp_folder.hpp"

using namespace gmoe;
using gmoe_test::message_of;
using B = cpu<double>;

// The numbers themselves are compared with the golden data in tests/golden.

namespace {

constexpr auto three_blocks = [] {
  sizes s;
  s.vocab = 11, s.positions = 5, s.d_model = 4, s.layers = 3, s.heads = 2, s.d_ff = 6, s.experts = 3;
  s.dropout = 0.5;  // must not matter
  return s;
};
/// Mixtures in the last two blocks, where the card lists them.
std::unique_ptr<any_model<B>> official_model(const char* name) {
  any_card card = make_card<official_cards>(name);
  if (has_setting(card, "placement.blocks")) change_setting(card, "placement.blocks", "1 2");
  if (has_setting(card, "capacity.factor")) change_setting(card, "capacity.factor", "0.1");  // must not matter
  return make_model<B, official_cards>(card, three_blocks(), 3);
}
const std::vector<std::int64_t> token_ids{1, 2, 3, 10, 0, 5};

struct official_traced {
  gmoe_test::temp_folder folder;
  std::unique_ptr<any_model<B>> model;
  trace_file<double> out;
  official_tracer<any_model<B>> tracer{*model, token_ids, 2, out};

  explicit official_traced(const char* card) : model(official_model(card)) {}
  std::set<std::string> names() {
    out.write(folder / "t");
    const safetensors_file file(folder / "t");
    std::set<std::string> all;
    for (const tensor_entry& t : file.tensors())
      if (!t.name.starts_with("grad/") && !t.name.starts_with("after/")) all.insert(t.name);
    return all;
  }
};

}  // namespace

TEST_CASE("io/official_trace: names of a gmoe model with a block that has no router") {
  official_traced t("official-gmoe");
  t.tracer.pass();
  std::set<std::string> expected{"tokens", "embeddings", "ln_f", "logits", "lm_loss", "aux_loss", "total_loss"};
  for (const char* name : {"attn_out", "moe_in", "block_out"})
    for (const char* layer : {"layer0/", "layer1/", "layer2/"}) expected.insert(std::string(layer) + name);
  for (const char* name :
       {"router_h", "router_logits", "router_probs", "top1_idx", "top1_prob", "local_out", "global_out", "aux_loss"})
    for (const char* layer : {"layer1/", "layer2/"}) expected.insert(std::string(layer) + name);
  CHECK(t.names() == expected);
}

TEST_CASE("io/official_trace: names and shapes of a baseline, with training steps") {
  official_traced t("official-gshard");
  t.tracer.pass();
  std::vector<std::int64_t> steps;
  t.tracer.train(3, [&](std::int64_t step) {
    for (parameter<B>* p : t.model->parameters()) p->forget_gradient();
    steps.push_back(step);
    return traced_step{0.5 + static_cast<double>(step), 7};
  });
  CHECK(steps == std::vector<std::int64_t>{0, 1, 2});
  std::set<std::string> expected{"tokens",     "logits",   "lm_loss",       "aux_loss",       "total_loss",
                                 "train/loss", "train/lr", "train/lm_loss", "train/aux_loss", "train/grad_norm"};
  for (const char* layer : {"layer0/", "layer1/", "layer2/"}) expected.insert(std::string(layer) + "block_out");
  for (const char* name : {"router_logits", "router_probs", "topk_idx", "topk_weight", "aux_loss"})
    for (const char* layer : {"layer1/", "layer2/"}) expected.insert(std::string(layer) + name);
  CHECK(t.names() == expected);

  const safetensors_file file(t.folder / "t");
  CHECK(file.entry("tokens").shape == std::vector<index_t>{2, 3});
  CHECK(file.entry("logits").shape == std::vector<index_t>{2, 3, 11});
  CHECK(file.entry("layer2/topk_weight").shape == std::vector<index_t>{6, 2});
  CHECK(file.read<double>("train/lr") == std::vector<double>{0.5, 1.5, 2.5});
  CHECK(file.read<double>("train/grad_norm") == std::vector<double>{7, 7, 7});
  // Nothing was changed, so every step has the loss of the pass, and dropout and capacity took no part.
  const double loss = file.read<double>("total_loss")[0];
  CHECK(file.read<double>("train/loss") == std::vector<double>{loss, loss, loss});
  CHECK(loss == doctest::Approx(file.read<double>("lm_loss")[0] + file.read<double>("aux_loss")[0]));
  each_official_tensor(*t.model, [&](const official_tensor<B>& p) {
    if (!p.repeats()) CHECK(file.read<double>("after/" + p.name) == p.pack(p.holder->value()));
  });
}

TEST_CASE("io/official_trace: training steps see the gradients of their own step") {
  official_traced t("dense-relu");
  t.tracer.pass();
  parameter<B>& bias = *t.model->parameters().back();
  REQUIRE(bias.name() == "ln_f.bias");
  std::vector<std::vector<double>> seen;
  t.tracer.train(2, [&](std::int64_t) {
    seen.push_back(bias.gradient().to_host());
    for (parameter<B>* p : t.model->parameters()) p->forget_gradient();
    return traced_step{};
  });
  REQUIRE(seen.size() == 2);
  CHECK(seen[0] == seen[1]);
  t.out.write(t.folder / "t");
  CHECK(seen[0] == safetensors_file(t.folder / "t").read<double>("grad/transformer.ln_f.bias"));
}

TEST_CASE("io/official_trace: tokens that the model cannot read") {
  const auto model = official_model("official-gmoe");
  trace_file<double> out;
  const auto complaint = [&](const std::vector<std::int64_t>& ids, index_t sequences) {
    return message_of<data_error>([&] { official_tracer tracer(*model, ids, sequences, out); });
  };
  CHECK_HAS(complaint({1, 11}, 1), "id 11 at position 1 is outside the vocabulary of 11");
  CHECK_HAS(complaint({-1, 1}, 1), "id -1 at position 0");
  CHECK_HAS(complaint({1, std::int64_t{1} << 40}, 1), "id 1099511627776 at position 1");
  CHECK_HAS(complaint({1, 2, 3, 4, 5, 6}, 1), "sequences of 6 tokens, but the model has 5 positions");
  CHECK_HAS(complaint({1, 2, 3}, 2), "3 ids in 2 sequences, expected sequences of at least 1 token, all of one length");
  CHECK_HAS(complaint({}, 0), "0 ids in 0 sequences");
}

TEST_CASE("io/official_trace: sequences of one token have routing and logits, but no loss") {
  const gmoe_test::temp_folder folder;
  const auto model = official_model("official-gmoe");
  trace_file<double> out, longer;
  official_tracer tracer(*model, std::vector<std::int64_t>{7, 0}, 2, out);
  CHECK_FALSE(tracer.predicts());
  tracer.pass();
  CHECK_HAS(message_of<data_error>([&] { tracer.train(1, [](std::int64_t) { return traced_step{}; }); }),
            "sequences of 1 token predict nothing");
  out.write(folder / "t");
  const safetensors_file file(folder / "t");
  for (const char* absent : {"lm_loss", "total_loss", "grad/transformer.wte.weight"})
    CHECK_FALSE(file.contains(absent));
  CHECK(file.entry("logits").shape == std::vector<index_t>{2, 1, 11});
  CHECK(file.contains("layer1/router_probs"));
  CHECK(file.contains("aux_loss"));

  // The first position of a longer sequence knows nothing of the next.
  official_tracer two(*model, std::vector<std::int64_t>{7, 4, 0, 4}, 2, longer);
  two.pass();
  longer.write(folder / "l");
  const auto one = file.read<double>("logits"), both = safetensors_file(folder / "l").read<double>("logits");
  for (std::size_t v = 0; v < 11; ++v) {
    CHECK(one[v] == doctest::Approx(both[v]));
    CHECK(one[11 + v] == doctest::Approx(both[22 + v]));
  }
}
