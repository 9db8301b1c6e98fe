// Runs examples/trace as a user does, and makes every number that it writes again: with loops over tokens and experts
// that know nothing but the file.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>

#include "gmoe/compiled/models.hpp"
#include "gmoe/io/training_checkpoint.hpp"
#include "trace/trace_files.hpp"
#include "variant_equations.hpp"

using gmoe::index_t;
using gmoe::safetensors_file;
using gmoe_test::distance;
using gmoe_test::outcome;
using gmoe_test::slurp;
using gmoe_test::small_ids;
using gmoe_test::values;

namespace {

gmoe::sizes small() {
  gmoe::sizes s;
  s.vocab = 13;
  s.positions = 7;
  s.d_model = 8;
  s.layers = 3;
  s.heads = 2;
  s.d_ff = 12;
  s.experts = 4;
  return s;
}
constexpr double capacity_factor = 0.75, balance_alpha = 0.3;
constexpr index_t granularity = 2;

/// Options for those sizes and numbers. Only numbers that a card has may be set.
std::string options(const std::string& card) {
  std::string o = " --vocab 13 --positions 7 --d-model 8 --layers 3 --heads 2 --d-ff 12 --initializer-range 0.5";
  if (card.starts_with("dense")) return o;
  o += " --experts 4";
  for (const auto& [number, value] :
       {std::pair{"balance.alpha", "0.3"}, std::pair{"experts.granularity", "2"}, std::pair{"capacity.factor", "0.75"}})
    if (gmoe::has_setting(gmoe::make_card(card), number)) o += gmoe::concat(" --set ", number, "=", value);
  return o;
}

struct workplace : gmoe_test::trace_folder {
  workplace() {
    std::vector<std::int64_t> tokens, targets;
    for (std::int64_t i = 0; i < 10; ++i) {
      tokens.push_back((5 * i * i + 2 * i + 1) % 13);
      targets.push_back(i == 4 ? -1 : i == 7 ? -100 : (3 * i * i + 7) % 13);
    }
    write("tokens", tokens, targets);
    write("only_tokens", tokens, {});
  }
  /// A trace of `card`.
  safetensors_file trace(const std::string& card, const std::string& more, const char* out = "out") const {
    return trace_folder::trace("--variant " + card + " --tokens " + path("tokens") + options(card) + " " + more, out);
  }
};

/// The reference's run on what the file holds: parameters, tokens, tables, draws.
struct reference {
  naive::weights weights;
  naive::result result;

  reference(const std::string& card, const safetensors_file& file, bool training)
      : reference(card, file, training, "parameter/", file, "") {}
  /// With weights named `state`..., and draws named `draws`... in another file.
  reference(const std::string& card, const safetensors_file& file, bool training, const std::string& state,
            const safetensors_file& drawn_in, const std::string& draws) {
    const gmoe::sizes s = small();
    naive::number::start();
    weights = gmoe_test::weights_in(file, state);
    naive::variant v = gmoe_test::equations_of(card, s, granularity);
    if (card == "hash")
      for (const double e : file.read<double>("buffer/router.bucket")) v.table.push_back(static_cast<int>(e));
    naive::settings how;
    how.batch = 2;
    how.sequence = 5;
    v.capacity_factor = capacity_factor;
    v.alpha = balance_alpha;
    how.training = training;
    std::map<std::string, std::vector<double>> read;
    const auto drawn = [&](const std::string& what, std::size_t block, std::size_t i) {
      const std::string key = draws + (what == "embeddings_mask" ? "" : "layer" + std::to_string(block) + "/") + what;
      if (!read.contains(key)) read[key] = drawn_in.read<double>(key);
      return read[key][i];
    };
    v.draw = [&](std::size_t block, std::size_t t) { return drawn("second_choice_draw", block, t); };
    if (drawn_in.contains(draws + "embeddings_mask")) how.drop = drawn;
    result = naive::run(v, how, weights, small_ids(file, "tokens"), small_ids(file, "targets"));
  }
};

void compare_layers(const safetensors_file& file, const naive::result& expected) {
  const auto same = [&](const std::string& key, const std::vector<double>& theirs) {
    CAPTURE(key);
    CHECK(distance(file.read<double>(key), theirs) < 1e-12);
  };
  std::size_t layer = 0;
  for (std::size_t b = 0; b < expected.blocks.size(); ++b) {
    const std::string at = "layer" + std::to_string(b) + "/";
    const naive::block_record& block = expected.blocks[b];
    same(at + "attn_out", values(block.attn_out));
    same(at + "moe_in", values(block.in));
    same(at + "block_out", values(block.after));
    if (file.contains(at + "dense_out")) {
      same(at + "dense_out", values(block.out));
      continue;
    }
    same(at + "moe_out", values(block.out));
    const naive::layer_record& record = expected.layers[layer++];
    same(at + "router_logits", values(record.logits));
    const auto flat = [](const std::vector<std::vector<int>>& rows) {
      std::vector<int> all;
      for (const auto& row : rows) all.insert(all.end(), row.begin(), row.end());
      return all;
    };
    CHECK(small_ids(file, at + "chosen") == flat(record.chosen));
    CHECK(small_ids(file, at + "kept") == flat(record.kept));
  }
  CHECK(layer == expected.layers.size());
  same("ln_f", values(expected.hidden));
  same("loss/language", {expected.language.value()});
  same("loss/total", {expected.total.value()});
  if (file.contains("loss/balance")) same("loss/balance", {expected.losses.at("balance").value()});
}

/// One AdamW step from fresh moments, on one parameter.
std::vector<double> after_adamw(const std::vector<double>& p, const std::vector<double>& g, double scale) {
  const double rate = 1e-3, b1 = 0.9, b2 = 0.95, epsilon = 1e-8, decay = 0.1;
  std::vector<double> after;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const double gradient = g[i] * scale, m = (1 - b1) * gradient, v = (1 - b2) * gradient * gradient;
    after.push_back(p[i] * (1 - rate * decay) - rate / (1 - b1) * m / (std::sqrt(v) / std::sqrt(1 - b2) + epsilon));
  }
  return after;
}

}  // namespace

TEST_CASE("trace: cards' layers, losses and gradients follow from its trace") {
  const workplace here;
  for (const gmoe::card_text& text : gmoe_test::cards_with_variants::texts) {
    const std::string card(text.name);
    for (const bool training : {false, true}) {
      CAPTURE(card);
      CAPTURE(training);
      const safetensors_file file =
          here.trace(card, training ? "--training --dropout 0.3 --gradients --train-steps 2" : "--gradients");
      const reference expected(card, file, training);
      compare_layers(file, expected.result);
      const std::vector<double> derivatives = naive::number::derivatives(expected.result.total);
      double norm = 0;
      std::map<std::string, std::vector<double>> gradients;
      for (const auto& [name, w] : expected.weights) {
        std::vector<double>& g = gradients[name];
        for (const naive::number& n : w.values) g.push_back(derivatives[n.place()]);
        for (const double v : g) norm += v * v;
        CAPTURE(name);
        CHECK(distance(file.read<double>("gradient/" + name), g) < 1e-11);
      }
      if (!training) continue;
      // The first training step is the traced pass again; the second starts from what the first has made.
      CHECK(file.read<double>("train/loss")[0] == doctest::Approx(expected.result.total.value()).epsilon(1e-12));
      norm = std::sqrt(norm);
      CHECK(file.read<double>("train/gradient_norm")[0] == doctest::Approx(norm).epsilon(1e-10));
      CHECK(file.contains("train/step1/embeddings_mask"));
      const safetensors_file once = here.trace(card, "--training --dropout 0.3 --train-steps 1", "once");
      for (const auto& [name, g] : gradients) {
        const bool key_bias = name.ends_with("c_attn.bias");  // a third of it is rounding, see docs/checkpoints.md
        CAPTURE(name);
        if (!key_bias)
          CHECK(distance(once.read<double>("after/parameter/" + name),
                         after_adamw(file.read<double>("parameter/" + name), g, std::min(1.0, 1 / norm))) < 1e-7);
      }
      const reference second(card, once, true, "after/parameter/", file, "train/step1/");
      CHECK(file.read<double>("train/loss")[1] == doctest::Approx(second.result.total.value()).epsilon(1e-9));
    }
  }
}

TEST_CASE("trace: a replayed routing is taken over, whatever the scores say") {
  const workplace here;
  const safetensors_file recorded = here.trace("gmoe", "", "recorded");
  const safetensors_file other =
      here.trace("gmoe", "--seed 4 --replay " + here.path("recorded") + " --gradients", "other");
  for (const char* key : {"layer0/chosen", "layer1/chosen", "layer2/chosen", "layer2/kept"})
    CHECK(other.read<std::int64_t>(key) == recorded.read<std::int64_t>(key));
  CHECK(other.read<double>("layer0/scores") != recorded.read<double>("layer0/scores"));
  CHECK(other.read<double>("layer1/cut/propagated_logits") == other.read<double>("layer0/router_logits"));

  // Two choices of another card, under a rule that makes one.
  const safetensors_file two = here.trace("gmoe-no-local-top2", "", "two");
  const safetensors_file borrowed = here.trace("gmoe-no-local", "--replay " + here.path("two"), "borrowed");
  CHECK(borrowed.entry("layer0/chosen").shape == std::vector<index_t>{2, 5, 2});
  CHECK(distance(borrowed.read<double>("logits"), two.read<double>("logits")) == 0);  // in evaluation both keep all

  const safetensors_file held =
      here.trace("gmoe", "--seed 4 --replay-constants --replay " + here.path("recorded"), "held");
  CHECK(held.read<double>("layer1/cut/propagated_logits") == recorded.read<double>("layer0/router_logits"));
}

TEST_CASE("trace: a saved model, of a training run or of an official checkpoint") {
  const workplace here;
  const gmoe::sizes s = small();
  gmoe::gshard_card numbers;
  numbers.capacity.factor = capacity_factor;
  numbers.balance.alpha = balance_alpha;
  gmoe::language_model<gmoe::gshard_card, gmoe::cpu<float>> model(s, numbers, 5);
  const std::vector<std::uint8_t> text(200, 7);
  gmoe::trainer run(model, std::span<const std::uint8_t>(text), {.steps = 4, .batch = 2, .sequence = 5, .seed = 5});
  run.step();
  run.step();
  std::filesystem::create_directory(here.folder / "run");
  gmoe::save_checkpoint(here.folder / "run/checkpoint.safetensors", run, "gshard");
  for (const char* path : {"run", "run/checkpoint.safetensors"}) {
    const outcome r = here.run("--checkpoint " + here.path(path) + " --tokens " + here.path("tokens") + " --out " +
                               here.path("out") + " --gradients");
    CHECK(r.err == "");
    REQUIRE(r.status == 0);
    const safetensors_file file(here.folder / "out");
    CHECK(file.metadata().at("variant") == "gshard");
    CHECK(file.metadata().at("card.capacity.factor") == "0.75");
    const auto wte = model.token_embedding().value().to_host();
    CHECK(file.read<double>("parameter/wte") == std::vector<double>(wte.begin(), wte.end()));
    compare_layers(file, reference("gshard", file, false).result);
  }
  CHECK_HAS(here.run("--checkpoint " + here.path("run") + " --tokens " + here.path("tokens") + " --out " +
                     here.path("out") + " --d-ff 3")
                .err,
            "--d-ff has no effect on the model of a checkpoint");
  CHECK_HAS(here.run("--checkpoint " + here.path("run") + " --tokens " + here.path("tokens") + " --out " +
                     here.path("out") + " --set select.k=2")
                .err,
            "--set has no effect on the model of a checkpoint");

  const std::filesystem::path golden = GMOE_TESTS_DIR "/golden";
  std::filesystem::create_directory(here.folder / "official");
  std::filesystem::copy_file(golden / "switch_tiny.config.json", here.folder / "official/config.json");
  std::filesystem::copy_file(golden / "switch_tiny.weights.safetensors", here.folder / "official/model.safetensors");
  const std::string expect = (golden / "switch_tiny.expect.safetensors").string();
  const outcome r =
      here.run("--checkpoint " + here.path("official") + " --tokens '" + expect + "' --out " + here.path("out"));
  CHECK(r.err == "");
  REQUIRE(r.status == 0);
  CHECK(distance(safetensors_file(here.folder / "out").read<double>("logits"),
                 safetensors_file(expect).read<double>("logits")) < 1e-10);
}

TEST_CASE("trace: float and double, with and without targets, and what it says of itself") {
  const workplace here;
  const safetensors_file wide = here.trace("switch", "--step 5"),
                         narrow = here.trace("switch", "--scalar float", "narrow");
  CHECK(distance(narrow.read<double>("logits"), wide.read<double>("logits")) > 0);
  CHECK(distance(narrow.read<double>("logits"), wide.read<double>("logits")) < 1e-5);
  CHECK(wide.metadata().at("format") == "gmoe trace 1");
  CHECK(wide.metadata().at("variant") == "switch");
  CHECK(wide.metadata().at("step") == "5");
  CHECK(wide.metadata().at("sizes.d_ff") == "12");
  CHECK(wide.metadata().at("card.balance.alpha") == "0.3");
  CHECK(wide.metadata().at("card.capacity.order") == "token_order");
  CHECK_HAS(slurp(here.folder / "stdout"), "\n  balance    switch_loss {alpha = 0.3}: layer_loss\n");
  CHECK_FALSE(wide.contains("layer0/second_choice_draw"));
  CHECK_FALSE(wide.contains("gradient/wte"));
  CHECK_FALSE(wide.contains("after/parameter/wte"));

  const std::string quiet =
      "--variant gmoe --tokens " + here.path("only_tokens") + " --out " + here.path("out") + options("gmoe");
  CHECK(here.run(quiet).status == 0);
  const safetensors_file unscored(here.folder / "out");
  CHECK_FALSE(unscored.contains("loss/language"));
  CHECK(unscored.read<double>("loss/total") == unscored.read<double>("loss/balance"));
  CHECK_HAS(here.run(quiet + " --gradients").err, "need a tensor 'targets'");
}

TEST_CASE("trace: one line for every mistake, and the old file stays") {
  workplace here;
  const auto complains = [&](const std::string& arguments, const char* about) {
    CAPTURE(arguments);
    std::filesystem::remove(here.folder / "new");
    const outcome r = here.run(arguments + " --out " + here.path("new"));
    CHECK(r.status != 0);
    CHECK(r.err.starts_with("trace: "));
    CHECK(std::count(r.err.begin(), r.err.end(), '\n') == 1);
    CHECK_HAS(r.err, about);
    CHECK_FALSE(std::filesystem::exists(here.folder / "new"));
  };
  const std::string tokens = " --tokens " + here.path("tokens"), small = options("gmoe");
  complains("--tokens " + here.path("tokens"), "give either --variant NAME");
  complains("--variant gmoe --checkpoint x" + tokens, "give either --variant NAME");
  complains("--variant gmoe" + tokens + small + " --replay-constants", "--replay-constants needs --replay");
  complains("--variant gmoe" + tokens + small + " --set capacity.factor=2",
            "--set capacity.factor has no effect on gmoe; it is for switch");
  complains("--variant gmoe" + tokens + small + " --set select.l=2", "did you mean select.k?");
  complains("--variant gmoe" + tokens + small + " --set select.k=many", "--set select.k is 'many', expected");
  complains("--variant gmoe" + tokens + " --stpe 3", "did you mean --step?");
  complains("--variant gmoee" + tokens + small, "did you mean 'gmoe'");
  complains("--variant gmoe --tokens " + here.path("none") + small, "none");
  complains("--variant gmoe" + tokens + " --vocab 5 --positions 7 --d-model 8 --heads 2",
            "outside the vocabulary of 5");
  complains("--variant gmoe" + tokens + " --vocab 13 --positions 4 --d-model 8 --heads 2",
            "but the model has 4 positions");
  complains("--variant gmoe" + tokens + small + " --scalar half", "half");
  here.write("backwards", {1, 2, -3, 4}, {});
  complains("--variant gmoe --tokens " + here.path("backwards") + small, "id -3 at position 2");
  here.trace("dense", "", "routeless");
  complains("--variant gmoe" + tokens + small + " --replay " + here.path("routeless"), "has no tensor 'layer0/chosen'");
}
