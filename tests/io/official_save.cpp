#include "gmoe/io/official_save.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/io/training_checkpoint.hpp"
#include "gmoe/model/any_model.hpp"
#include "io/checkpoint.hpp"

using namespace gmoe;
using gmoe_test::golden_files;
using gmoe_test::message_of;
using gmoe_test::slurp;
using gmoe_test::temp_folder;

namespace {

constexpr auto three_experts = [] {
  sizes s;
  s.vocab = 11, s.positions = 5, s.d_model = 4, s.layers = 3, s.heads = 2, s.d_ff = 6, s.experts = 3;
  return s;
};

/// A card by its name, with one of its numbers changed.
any_card changed_card(const char* name, const char* path, const char* value) {
  any_card card = make_card(name);
  change_setting(card, path, value);
  return card;
}

std::string complaint(const any_card& card, const sizes& s = three_experts()) {
  const temp_folder folder;
  const auto model = make_model<cpu<float>>(card, s);
  const std::string message = message_of<config_error>([&] { save_official(folder / "new", *model); });
  CHECK_FALSE(std::filesystem::exists(folder / "new"));
  CHECK(message_of<config_error>([&] { check_official(s, card); }) == message);
  return message;
}

/// Sizes and numbers of the card; `blocks`: also which blocks have a mixture, where the card lists them.
std::string numbers_of(const any_model<cpu<double>>& model, bool blocks) {
  std::string text;
  each_field(model.shape(), [&](const auto& f, const auto& v) { text += concat(f.name, " ", to_text(v), "\n"); });
  any_card card = model.card();
  for (const setting& s : card.settings())
    if (blocks || s.path() != "placement.blocks") text += concat(s.path(), " ", s.text(), "\n");
  return text;
}

}  // namespace

TEST_CASE("io/official_save: golden checkpoints come back byte by byte") {
  for (const char* name : {"gmoe_tiny", "gmoe_deep", "gmoe_no_local", "gmoe_no_logits", "gmoe_no_state", "switch_tiny",
                           "gshard_tiny", "dense_tiny"}) {
    CAPTURE(name);
    const temp_folder folder;
    const auto golden = golden_files(name);
    with_official_model<cpu<float>>(golden, [&](auto& model) { save_official(folder / "a", model); });
    CHECK(slurp(folder / "a/model.safetensors") == slurp(golden.weights));
    CHECK(slurp(folder / "a/config.json") == slurp(golden.config));
    with_official_model<cpu<float>>(folder / "a", [&](auto& model) { save_official(folder / "b", model); });
    CHECK(slurp(folder / "b/model.safetensors") == slurp(golden.weights));
    CHECK(slurp(folder / "b/config.json") == slurp(golden.config));
    CHECK(safetensors_file(folder / "a/model.safetensors").metadata().at("format") == "pt");
  }
}

TEST_CASE("io/official_save: numbers that the model has no use for come back") {
  for (const char* name : {"gmoe_tiny", "dense_tiny"}) {
    CAPTURE(name);
    const temp_folder folder;
    auto changed = gmoe_test::checkpoint::golden(name);
    changed.config["capacity_factor"] = 2.5;
    changed.config["aux_alpha"] = 0.125;
    changed.write(folder / "changed");
    with_official_model<cpu<float>>(folder / "changed", [&](auto& model) { save_official(folder / "a", model); });
    const auto config = nlohmann::json::parse(slurp(folder / "a/config.json"));
    CHECK(config["capacity_factor"] == 2.5);
    CHECK(config["aux_alpha"] == 0.125);
  }
  // Through a training checkpoint too.
  const temp_folder folder;
  auto changed = gmoe_test::checkpoint::golden("dense_tiny");
  changed.config["capacity_factor"] = 2.5;
  changed.write(folder / "changed");
  const auto model = load_official<cpu<float>>(folder / "changed");
  CHECK(model->unread_numbers() == std::map<std::string, double>{{"aux_alpha", 0.01}, {"capacity_factor", 2.5}});
  const std::vector<std::uint8_t> bytes(200, 7);
  trainer run(*model, std::span<const std::uint8_t>(bytes), {.steps = 2, .batch = 1, .sequence = 4});
  save_checkpoint(folder / "run", run, "dense");
  const auto other = make_model<cpu<float>>("dense-relu", model->shape());
  load_model(folder / "run", *other, "dense");
  CHECK(official_config_of(*other).capacity_factor == 2.5);
  trainer again(*other, std::span<const std::uint8_t>(bytes), {.steps = 2, .batch = 1, .sequence = 4});
  other->set_unread_numbers({});
  load_checkpoint(folder / "run", again, "dense");
  CHECK(official_config_of(*other).capacity_factor == 2.5);
  // A number that the model reads is the model's.
  CHECK(load_official<cpu<float>>(golden_files("switch_tiny"))->unread_numbers().empty());
}

TEST_CASE("io/official_save: models of our own come back") {
  using B = cpu<double>;
  for (const std::string_view name :
       {"gmoe", "gmoe-no-local", "official-gmoe-plain", "official-switch", "official-gshard", "dense-relu"}) {
    CAPTURE(name);
    const bool listed = name.starts_with("official-");
    sizes s = three_experts();
    s.dropout = 0.25, s.initializer_range = 0.5, s.layer_norm_epsilon = 1e-6;
    if (name == "dense-relu") s.experts = 1;  // which is what a config says of none
    any_card card = listed ? make_card<official_cards>(name) : make_card(name);
    if (listed) change_setting(card, "placement.blocks", "2");
    for (const auto& [path, value] : {std::pair{"balance.alpha", "0.125"}, {"capacity.factor", "1.5"}})
      if (has_setting(card, path)) change_setting(card, path, value);
    const auto model = listed ? make_model<B, official_cards>(card, s, 7) : make_model<B>(card, s, 7);
    const temp_folder folder;
    save_official(folder.path, *model);
    CHECK(folder.count() == 2);
    const auto again = load_official<B>(folder.path);
    CHECK(official_config_text(official_config_of(*again)) == official_config_text(official_config_of(*model)));
    CHECK(numbers_of(*again, listed) == numbers_of(*model, listed));
    const auto a = model->parameters(), b = again->parameters();
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      CHECK(a[i]->name() == b[i]->name());
      auto expected = a[i]->value().to_host();
      for (double& x : expected) x = static_cast<float>(x);
      CHECK(b[i]->value().to_host() == expected);
    }
  }
}

TEST_CASE("io/official_save: models that the format cannot hold") {
  CHECK_HAS(complaint(make_card("dense")), "its card's slot 'dense' is not that of GMoE");
  CHECK_HAS(complaint(make_card("aoe")), "its card's slot 'body'");
  CHECK_HAS(complaint(make_card("omni-router")), "its card's slot 'router'");
  CHECK_HAS(complaint(make_card("switch")), "block 1 has GPT-2's feed-forward layer, expected relu_feed_forward");
  CHECK_HAS(complaint(changed_card("gmoe", "select.k", "2")), "gmoe chooses 1 expert per token, the model 2");
  sizes one = three_experts();
  one.layers = 1;
  CHECK_HAS(complaint(changed_card("switch", "select.k", "2"), one), "switch chooses 1 expert per token, the model 2");
  CHECK_HAS(complaint(changed_card("gshard", "capacity.order", "choice_order"), one),
            "gshard has capacity.order = within_choice and capacity.room = rounded_up, the model choice_order and "
            "rounded_up");
  CHECK_HAS(complaint(changed_card("switch", "capacity.room", "exact"), one),
            "switch has capacity.order = token_order and capacity.room = rounded_up, the model token_order and exact");
}

TEST_CASE("io/official_save: whether a model can be saved is known before there is one") {
  const sizes s = three_experts();
  const auto refusal = [&](const auto& card) { return message_of<config_error>([&] { check_official(s, card); }); };
  CHECK_NOTHROW(check_official(s, gmoe_card{}));
  CHECK_NOTHROW(check_official(s, with<switch_card, relu_feed_forward>{}));
  CHECK_HAS(refusal(switch_card{}), "block 1 has GPT-2's feed-forward layer");
  CHECK_HAS(refusal(hash_card{}), "its card's slot");
  CHECK_HAS(refusal(with<gmoe_card, gelu_expert>{}), "its card's slot 'body'");
  CHECK_HAS(refusal(with<gmoe_card, global_router<propagate<cut::projected>>>{}), "its card's slot 'router'");
  CHECK_HAS(refusal(card<gmoe_card>(top_k{.k = 2})), "gmoe chooses 1 expert per token");
}

TEST_CASE("io/official_save: numbers beyond F32, and folders that cannot be made") {
  const temp_folder folder;
  const auto model = make_model<cpu<double>>("gmoe", three_experts());
  parameter<cpu<double>>& bias = *model->parameters().back();
  REQUIRE(bias.name() == "ln_f.bias");
  save_official(folder.path, *model);
  const std::string before = slurp(folder / "model.safetensors");

  bias.value().data()[1] = 1e39;
  CHECK_HAS(message_of<config_error>([&] { save_official(folder.path, *model); }),
            "tensor 'transformer.ln_f.bias': element 1, 1e+39, does not fit into F32");
  CHECK(slurp(folder / "model.safetensors") == before);
  CHECK(folder.count() == 2);

  bias.value().data()[1] = std::numeric_limits<double>::infinity();
  save_official(folder.path, *model);
  CHECK(std::isinf(safetensors_file(folder / "model.safetensors").read<float>("transformer.ln_f.bias")[1]));

  CHECK_HAS(message_of<file_error>([&] { save_official(folder / "config.json", *model); }),
            "the folder cannot be made");
}
