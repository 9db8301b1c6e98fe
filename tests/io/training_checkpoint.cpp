#include "gmoe/io/training_checkpoint.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "backends.hpp"
#include "gmoe/core/random.hpp"
#include "gmoe/model/cards.hpp"
#include "io/temp_folder.hpp"
#include "short_run.hpp"

using gmoe_test::message_of;
using gmoe_test::temp_folder;

namespace {

using B = GMOE_TEST_BACKEND<float>;
using model = gmoe::language_model<gmoe::gmoe_card, B>;

using gmoe_test::short_run;
using gmoe_test::text;
using gmoe_test::tiny;
using gmoe_test::tokens;

struct started {
  model weights;
  gmoe::trainer<model, std::uint8_t> run;

  explicit started(const gmoe::recipe& how = short_run, const gmoe::sizes& s = tiny, std::uint64_t seed = 7)
      : weights(s, seed), run(weights, tokens, how) {}
  void steps(int count) {
    for (int i = 0; i < count; ++i) run.step();
  }
  /// Everything that a checkpoint holds.
  std::vector<float> state() {
    std::vector<float> all;
    const auto add = [&](const auto& m) {
      const auto values = m.to_host();
      all.insert(all.end(), values.begin(), values.end());
    };
    weights.each_parameter([&](auto& p) { add(p.value()); });
    run.optimizer().each_moment([&](const std::string&, const auto& first, const auto& second) {
      add(first);
      add(second);
    });
    return all;
  }
};

/// The file with some of its notes and one of its tensors replaced.
void spoil(const std::filesystem::path& path, const std::map<std::string, std::string>& notes,
           const std::string& replaced = "", const std::vector<double>& values = {}) {
  const auto copy = path.parent_path() / "copy";
  {
    const gmoe::safetensors_file file(path);
    gmoe::safetensors_writer writer;
    for (const auto& [key, value] : file.metadata()) writer.set_metadata(key, value);
    for (const auto& [key, value] : notes) writer.set_metadata(key, value);
    std::vector<std::vector<float>> kept;
    kept.reserve(file.tensors().size());
    for (const auto& t : file.tensors()) {
      if (t.name == replaced)
        writer.add(t.name, t.shape, values);
      else
        writer.add(t.name, t.shape, kept.emplace_back(file.read<float>(t.name)));
    }
    writer.write(copy);
  }
  std::filesystem::rename(copy, path);
}

}  // namespace

TEST_CASE("io/training_checkpoint: what does not belong to the run is refused, and nothing is changed") {
  const temp_folder folder;
  const auto file = folder.path / "checkpoint.safetensors";
  model m(tiny, 7);
  gmoe::trainer run(m, tokens, short_run);
  run.step();
  gmoe::save_checkpoint(file, run, "gmoe", "cycle");
  const auto load = [&](gmoe::sizes s, gmoe::recipe r, const char* variant, const char* words) {
    return message_of<gmoe::file_error>([&] {
      model other(s, 1);
      gmoe::trainer t(other, tokens, r);
      const auto before = other.token_embedding().value().to_host();
      try {
        gmoe::load_checkpoint(file, t, variant, words);
      } catch (...) {
        CHECK(before == other.token_embedding().value().to_host());
        CHECK(t.steps_done() == 0);
        throw;
      }
    });
  };
  CHECK(load(tiny, short_run, "gmoe", "cycle") == "<nothing was thrown>");
  CHECK(load(tiny, short_run, "switch", "cycle").find("variant is 'gmoe', but this run's is 'switch'") !=
        std::string::npos);
  CHECK(load(tiny, short_run, "gmoe", "bible").find("text is 'cycle', but this run's is 'bible'") != std::string::npos);
  gmoe::sizes wide = tiny;
  wide.d_ff = 32;
  CHECK(load(wide, short_run, "gmoe", "cycle").find("sizes.d_ff is '24', but this run's is '32'") != std::string::npos);
  gmoe::recipe longer = short_run;
  longer.steps = 20;
  CHECK(load(tiny, longer, "gmoe", "cycle").find("recipe.steps is '8', but this run's is '20'") != std::string::npos);

  // Truncated, and a file that is no training state.
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 100);
  CHECK(load(tiny, short_run, "gmoe", "cycle") != "<nothing was thrown>");
  gmoe::safetensors_writer writer;
  const std::vector<float> numbers{1, 2};
  writer.add("x", {2}, numbers);
  writer.write(file);
  CHECK(load(tiny, short_run, "gmoe", "cycle").find("not a training state") != std::string::npos);
}

TEST_CASE("io/training_checkpoint: a tensor that cannot be read is found before any is changed") {
  const temp_folder folder;
  const auto file = folder / "checkpoint";
  {
    started s;
    s.steps(2);
    gmoe::save_checkpoint(file, s.run, "gmoe");
  }
  started other;
  const auto before = other.state();
  // The last tensor to be restored.
  const std::string last = "second_moment/ln_f.bias";
  std::vector<double> values(16, 1.0);
  values[3] = 1e300;
  spoil(file, {}, last, values);
  const auto load = [&] { gmoe::load_checkpoint(file, other.run, "gmoe"); };
  CHECK_HAS(message_of<gmoe::file_error>(load), "'second_moment/ln_f.bias': element 3, 1e+300, does not fit into F32");
  CHECK(other.state() == before);
  CHECK(other.run.steps_done() == 0);
  CHECK_THROWS_AS(gmoe::load_model(file, other.weights, "switch"), gmoe::file_error);
  CHECK(other.state() == before);
  gmoe::load_model(file, other.weights, "gmoe");  // needs no moments
  CHECK(other.state() != before);
  values[3] = 1.0;
  spoil(file, {}, last, values);
  load();  // float64 that fits is read
  CHECK(other.run.steps_done() == 2);
}

TEST_CASE("io/training_checkpoint: the model alone gives the same numbers") {
  const temp_folder folder;
  started s;
  s.steps(2);
  gmoe::save_checkpoint(folder / "checkpoint", s.run, "gmoe", "cycle", 2.5);
  const auto header = gmoe::check_checkpoint<gmoe::gmoe_card>(folder / "checkpoint");
  CHECK(header.validation_loss == 2.5);
  CHECK(header.step == 2);
  model alone(header.shape, 99);
  gmoe::load_model(folder / "checkpoint", alone, "gmoe");
  std::vector<std::vector<float>> theirs, ours;
  s.weights.each_parameter([&](auto& p) { theirs.push_back(p.value().to_host()); });
  alone.each_parameter([&](auto& p) { ours.push_back(p.value().to_host()); });
  CHECK(ours == theirs);
}

TEST_CASE("io/training_checkpoint: a run may be made longer, with the rates of the longer run from there on") {
  const temp_folder folder;
  const auto file = folder / "checkpoint";
  started whole;
  whole.steps(8);
  gmoe::save_checkpoint(file, whole.run, "gmoe");
  gmoe::recipe longer = short_run;
  longer.steps = 12;
  started next(longer, tiny, 99);
  CHECK_HAS(message_of<gmoe::file_error>([&] { gmoe::load_checkpoint(file, next.run, "gmoe"); }),
            "recipe.steps is '8', but this run's is '12'");
  gmoe::load_checkpoint(file, next.run, "gmoe", "", gmoe::planned_steps::may_differ);
  CHECK(next.run.steps_done() == 8);
  CHECK(!next.run.finished());
  CHECK(next.state() == whole.state());
  const auto rate = longer.schedule();
  for (int s = 8; s < 12; ++s) CHECK(next.run.step().learning_rate == rate(s));
  CHECK(next.run.finished());
  gmoe::save_checkpoint(file, next.run, "gmoe");
  CHECK(gmoe::read_checkpoint_header(file).how.steps == 12);

  gmoe::recipe shorter = short_run;
  shorter.steps = 11;
  started less(shorter);
  CHECK_HAS(message_of<gmoe::file_error>(
                [&] { gmoe::load_checkpoint(file, less.run, "gmoe", "", gmoe::planned_steps::may_differ); }),
            "this checkpoint is at step 12, but this run has only 11 steps");
}

TEST_CASE("io/training_checkpoint: notes that no run can have written are refused, before a model is built") {
  const temp_folder folder;
  const auto file = folder / "checkpoint";
  started s;
  s.steps(1);
  const auto refusal = [&](const std::string& key, const std::string& value) {
    gmoe::save_checkpoint(file, s.run, "gmoe");
    spoil(file, {{key, value}});
    const auto begin = std::chrono::steady_clock::now();
    const std::string message = message_of<gmoe::file_error>([&] { gmoe::check_checkpoint<gmoe::gmoe_card>(file); });
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(2));
    CHECK_HAS(message, "checkpoint'");  // names the file
    CHECK(message.size() < 500);
    return message;
  };
  CHECK_HAS(refusal("step", "9223372036854775807"), "step is 9223372036854775807, expected 0 to the run's 8 steps");
  CHECK_HAS(refusal("step", "-1"), "step is -1, expected 0 to");
  CHECK_HAS(refusal("step", "\x1b[2J"), "metadata 'step' is '\\x1b[2J', expected a number");
  CHECK_HAS(refusal("step", std::string(3'000'000, 'x')), "...', expected a number");
  CHECK_HAS(refusal("format", std::string(3'000'000, 'x')), "...', expected 'gmoe training state 1'");
  CHECK_HAS(refusal("recipe.learning_rate", "inf"), "learning_rate is inf, expected a finite number");
  CHECK_HAS(refusal("recipe.sequence", "9223372036854775807"), "sequence is 9223372036854775807, expected at most");
  CHECK_HAS(refusal("sizes.d_model", "1000000"), "sizes.d_model is 1000000, but the file's");
  CHECK_HAS(refusal("sizes.layers", "1000000"), "sizes.layers is 1000000, but the file's");
  CHECK_HAS(refusal("sizes.experts", "1000000"), "sizes.experts is 1000000, but the file's");
  CHECK_HAS(refusal("sizes.vocab", "9223372036854775807"), "sizes.vocab is 9223372036854775807, but the file's");
  CHECK_HAS(refusal("sizes.heads", "3"), "d_model = 16 is not divisible by heads = 3");
  CHECK_HAS(refusal("sizes.dropout", "nan"), "dropout is nan");
  CHECK_HAS(refusal("sizes.layers", "3"), "has no tensor 'parameter/h.2.ln_1.weight'");
  CHECK_HAS(refusal("sizes.positions", "17"), "'parameter/wpe' has shape [16, 16], but its sizes make 17 x 16");
  CHECK_HAS(refusal("sizes.experts", "4"), "has shape");
  gmoe::save_checkpoint(file, s.run, "gmoe");
  CHECK_HAS(message_of<gmoe::file_error>([&] { gmoe::check_checkpoint<gmoe::switch_card>(file); }), "has no tensor");
  CHECK(gmoe::check_checkpoint<gmoe::gmoe_card>(file).shape.d_model == 16);
}
