// train in a folder: what it keeps, and what is left of it by kills and full disks.

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>

#include "gmoe/io/checkpoint_header.hpp"
#include "gmoe/train/recipe.hpp"
#include "program.hpp"

using gmoe_test::slurp;
using gmoe_test::soon;
using gmoe_test::spill;
using gmoe_test::train;
using gmoe_test::words;
using gmoe_test::workplace;
using nlohmann::json;

namespace {

/// The log without what differs from run to run: how long each step took.
std::vector<json> log_of(const std::filesystem::path& folder) {
  std::ifstream file(folder / "log.jsonl");
  std::vector<json> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(json::parse(line));
    lines.back().erase("seconds");
  }
  return lines;
}

struct kept {
  std::string checkpoint, best;
  std::vector<json> log;
  friend bool operator==(const kept&, const kept&) = default;
};
kept what_is_in(const std::filesystem::path& folder) {
  return {slurp(folder / "checkpoint.safetensors"), slurp(folder / "best.safetensors"), log_of(folder)};
}

long temporary_files(const std::filesystem::path& folder) {
  long count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    count += entry.path().filename().string().ends_with(".tmp");
  return count;
}

}  // namespace

TEST_CASE("runs/train: evaluates ten times, keeps the best, says one line") {
  const workplace w;
  REQUIRE_MESSAGE(w.run(train("a", {"--steps", "20"})) == 0, w.err());
  const auto log = log_of(w / "a");
  int evaluations = 0;
  double best = 1e9;
  std::int64_t best_step = -1;
  for (const json& o : log) {
    if (!o.contains("validation_loss") || o["tokens"] != 8 * 2 * 16) continue;
    ++evaluations;
    CHECK(o["step"] == 2 * evaluations);
    if (o["validation_loss"] < best) {
      best = o["validation_loss"];
      best_step = o["step"];
    }
  }
  CHECK(evaluations == 10);
  CHECK(log.back()["step"] == 20);
  CHECK(log.back()["tokens"] > 8 * 2 * 16);  // the last is on the whole text
  const auto header = gmoe::read_checkpoint_header(w / "a/best.safetensors");
  CHECK(header.validation_loss == best);
  CHECK(header.step == best_step);
  CHECK(!gmoe::read_checkpoint_header(w / "a/checkpoint.safetensors").validation_loss);
  CHECK_HAS(w.out(), "gmoe: ");
  CHECK_HAS(w.out(), "active; 20 steps of 2 x 16 tokens on 1 thread, in a\n");
  CHECK_HAS(w.out(), "\n  router     global_router<");
  CHECK_HAS(w.out(), "\n  select     top_k {k = 1}: choose, at_most\n");
  CHECK(w.out().find("how are tokens scored") == std::string::npos);
  REQUIRE(w.run(train("b", {"--steps", "1", "--verbose", "--evaluate-every", "0"})) == 0);
  CHECK_HAS(w.out(), "; 1 step of 2 x 16");
  CHECK_HAS(w.out(), "how are tokens scored against experts?");
  CHECK(!std::filesystem::exists(w / "b/best.safetensors"));
}

TEST_CASE("runs/train: numbers of the card are in log and checkpoint, and stay those of the run") {
  const workplace w;
  REQUIRE_MESSAGE(w.run(train("a", {"--set", "balance.alpha=0.25", "--set", "select.k=2"})) == 0, w.err());
  CHECK_HAS(w.out(), "switch_loss {alpha = 0.25}");
  const json header = log_of(w / "a").front();
  CHECK(header["format"] == "gmoe log 2");
  CHECK(header["variant"] == "gmoe");
  CHECK(header["card"] == json{{"balance.alpha", 0.25}, {"select.k", 2}});
  CHECK(header["sizes"]["d_model"] == 16);
  CHECK(header["recipe"]["batch"] == 2);
  CHECK(gmoe::read_checkpoint_header(w / "a/checkpoint.safetensors").settings ==
        std::map<std::string, std::string>{{"balance.alpha", "0.25"}, {"select.k", "2"}});
  const kept whole = what_is_in(w / "a");
  REQUIRE_MESSAGE(w.run(train("a", {"--resume", "--set", "select.k=2"})) == 0, w.err());
  CHECK_HAS(w.out(), "switch_loss {alpha = 0.25}");
  CHECK((what_is_in(w / "a") == whole));
  REQUIRE(w.run(train("b", {"--steps", "6", "--set", "balance.alpha=0.25", "--set", "select.k=2"})) == 0);
  REQUIRE_MESSAGE(w.run(train("b", {"--resume", "--steps", "12"})) == 0, w.err());
  CHECK((log_of(w / "b").front() == header));

  CHECK(w.run(train("a", {"--resume", "--set", "select.k=1"})) == 1);
  CHECK_HAS(w.err(), "this checkpoint's card.select.k is '2', but this run's is '1'");
  CHECK(w.run(train("a", {"--resume", "--set", "capacity.factor=1"})) == 2);
  CHECK_HAS(w.err(), "--set capacity.factor has no effect on gmoe; it is for switch");
  // The log of another run.
  std::string text = slurp(w / "a/log.jsonl");
  text.replace(text.find("\"select.k\":2"), 12, "\"select.k\":3");
  spill(w / "a/log.jsonl", text);
  CHECK(w.run(train("a", {"--resume"})) == 1);
  CHECK_HAS(w.err(), "a/log.jsonl': this log's card.select.k is 3, but this run's is 2; move the log away");
  // One of version 0.1 begins with the first step.
  spill(w / "a/log.jsonl", text.substr(text.find('\n') + 1));
  REQUIRE(w.run(train("a", {"--resume"})) == 0);
  CHECK_HAS(w.out(), "a/log.jsonl was begun by version 0.1");
}

TEST_CASE("runs/train: a finished run is not finished twice, and what a kill left out is made up") {
  const workplace w;
  REQUIRE_MESSAGE(w.run(train("a")) == 0, w.err());
  const kept whole = what_is_in(w / "a");
  REQUIRE(w.run(train("a", {"--resume"})) == 0);
  CHECK((what_is_in(w / "a") == whole));

  // As if killed between the last save and its evaluations, with half a line.
  std::string text = slurp(w / "a/log.jsonl");
  const std::size_t last_step = text.find("\"step\":11,");
  REQUIRE(last_step != text.npos);
  spill(w / "a/log.jsonl", text.substr(0, text.find('\n', last_step) + 1) + "{\"bits");
  std::filesystem::remove(w / "a/best.safetensors");
  REQUIRE_MESSAGE(w.run(train("a", {"--resume"})) == 0, w.err());
  CHECK((log_of(w / "a") == whole.log));
  CHECK(gmoe::read_checkpoint_header(w / "a/best.safetensors").step == 12);
}

TEST_CASE("runs/train: further texts have their loss and their load, once in the log") {
  const workplace w;
  const std::string other = "Another text that nobody has trained on, and not a long one.\n";
  spill(w / "other.txt", other);
  const words more{"--steps", "2", "--validate", "other=other.txt"};
  REQUIRE_MESSAGE(w.run(train("a", more)) == 0, w.err());
  CHECK_HAS(w.out(), "\nother: loss ");
  const auto log = log_of(w / "a");
  CHECK(log.back()["text"] == "other");
  CHECK(log.back()["step"] == 2);
  CHECK(log.back()["tokens"] == other.size() - 1);
  CHECK(log.back()["validation_loss"] != log[log.size() - 2]["validation_loss"]);
  const std::string first = w.out().substr(0, w.out().find("\nother: "));
  CHECK_HAS(first, "share of the tokens that each expert got");
  CHECK_HAS(w.out().substr(first.size()), "share of the tokens that each expert got");
  words again = more;
  again.push_back("--resume");
  REQUIRE_MESSAGE(w.run(train("a", again)) == 0, w.err());
  CHECK_HAS(w.out(), "\nother: loss ");
  CHECK((log_of(w / "a") == log));
  CHECK(w.run(train("a", {"--resume", "--validate", "other"})) == 2);
  CHECK_HAS(w.err(), "train: --validate is 'other', expected NAME=PATH");
}

TEST_CASE("runs/train: a run is extended, by the rates of the longer one from there on") {
  const workplace w;
  REQUIRE(w.run(train("a")) == 0);
  REQUIRE_MESSAGE(w.run(train("a", {"--resume", "--steps", "20"})) == 0, w.err());
  const gmoe::checkpoint_header h = gmoe::read_checkpoint_header(w / "a/checkpoint.safetensors");
  CHECK(h.step == 20);
  CHECK(h.how.steps == 20);
  gmoe::recipe how = h.how;
  const auto late = how.schedule();
  how.steps = 12;
  const auto early = how.schedule();
  int steps = 0;
  for (const json& o : log_of(w / "a"))
    if (o.contains("learning_rate")) {
      CHECK(o["step"] == steps);
      CHECK(o["learning_rate"] == (steps < 12 ? early(steps) : late(steps)));
      ++steps;
    }
  CHECK(steps == 20);
  // In two parts, with another threshold: the same bits.
  REQUIRE(w.run(train("b")) == 0);
  const pid_t child = w.start(train("b", {"--resume", "--steps", "20"}));
  ::usleep(30'000);
  ::kill(child, SIGKILL);
  workplace::wait(child);
  REQUIRE_MESSAGE(w.run(train("b", {"--resume", "--steps", "20"})) == 0, w.err());
  CHECK((slurp(w / "b/checkpoint.safetensors") == slurp(w / "a/checkpoint.safetensors")));

  CHECK(w.run(train("a", {"--resume", "--steps", "15"})) == 1);
  CHECK_HAS(w.err(), "is at step 20, beyond --steps 15");
}

TEST_CASE("runs/train: --overwrite, killed at any moment, leaves the old run or the new one, never parts of both") {
  const workplace w;
  REQUIRE(w.run(train("old", {"--seed", "1"})) == 0);
  REQUIRE(w.run(train("new", {"--seed", "2"})) == 0);
  const kept old_run = what_is_in(w / "old"), new_run = what_is_in(w / "new");
  std::mt19937 random(std::random_device{}());
  std::uniform_int_distribution<int> microseconds(5'000, 120'000);
  for (int i = 0; i < 12; ++i) {
    std::filesystem::copy(w / "old", w / "a", std::filesystem::copy_options::recursive);
    const pid_t child = w.start(train("a", {"--overwrite", "--seed", "2"}));
    ::usleep(static_cast<useconds_t>(microseconds(random)));
    ::kill(child, SIGKILL);
    workplace::wait(child);
    REQUIRE_MESSAGE(w.run(train("a", {"--resume"})) == 0, w.err());
    const kept now = what_is_in(w / "a");
    CHECK((now == old_run || now == new_run));
    CHECK(temporary_files(w / "a") == 0);
    std::filesystem::remove_all(w / "a");
  }
}

TEST_CASE("runs/train: --overwrite on a full disk leaves the old run") {
  const workplace w;
  REQUIRE(w.run(train("a", {"--seed", "1"})) == 0);
  const kept before = what_is_in(w / "a");
  CHECK(w.run(train("a", {"--overwrite", "--seed", "2"}), 5000) == 1);
  CHECK_HAS(w.err(), "a/checkpoint.safetensors': failed to write: File too large");
  CHECK((what_is_in(w / "a") == before));
  CHECK(temporary_files(w / "a") == 0);
}

TEST_CASE("runs/train: a moment between an old run's checkpoint and its log") {
  const workplace w;
  REQUIRE(w.run(train("old", {"--seed", "1"})) == 0);
  REQUIRE(w.run(train("new", {"--seed", "2"})) == 0);
  // The new run's first checkpoint is there, and all the rest is still the old run's.
  REQUIRE(w.run(train("first", {"--seed", "2", "--steps", "0"})) == 0);
  const kept whole = what_is_in(w / "new");
  std::filesystem::copy_file(w / "first/checkpoint.safetensors", w / "old/checkpoint.safetensors",
                             std::filesystem::copy_options::overwrite_existing);
  REQUIRE_MESSAGE(w.run(train("old", {"--resume", "--steps", "12"})) == 0, w.err());
  CHECK((what_is_in(w / "old") == whole));
}

TEST_CASE("runs/train: a log that cannot be read stops the run, and stays") {
  const workplace w;
  REQUIRE(w.run(train("a")) == 0);
  std::filesystem::rename(w / "a/log.jsonl", w / "a/kept");
  std::filesystem::create_directory(w / "a/log.jsonl");
  CHECK(w.run(train("a", {"--resume", "--steps", "20"})) == 1);
  CHECK_HAS(w.err(), "a/log.jsonl': the log is not a file");
  std::filesystem::remove(w / "a/log.jsonl");
  std::filesystem::create_symlink("log.jsonl", w / "a/log.jsonl");  // to itself
  CHECK(w.run(train("a", {"--resume", "--steps", "20"})) == 1);
  CHECK_HAS(w.err(), "a/log.jsonl': failed to open the log: Too many levels of symbolic links");
}

TEST_CASE("runs/train: a folder has one run at a time") {
  const workplace w;
  const pid_t first = w.start(train("a", {"--steps", "1000000"}));
  REQUIRE(soon([&] { return gmoe_test::contains(w.out(), " steps of "); }));
  for (const char* how : {"--resume", "--overwrite"}) {
    CHECK(w.run(train("a", {how})) == 1);
    CHECK_HAS(w.err(), "the folder 'a' is in use by another run");
  }
  spill(w / "a/.gmoe-1-1.tmp", "left by a killed process");
  ::kill(first, SIGKILL);
  workplace::wait(first);
  REQUIRE(w.run(train("a", {"--overwrite"})) == 0);
  CHECK(temporary_files(w / "a") == 0);
}

TEST_CASE("runs/train: the list, for people and as JSON") {
  const workplace w;
  const std::string program = train("a").front();
  REQUIRE(w.run({program, "--list"}) == 0);
  const std::string text = w.out();
  REQUIRE(w.run({program, "--list", "--json"}) == 0);
  const json list = json::parse(w.out());
  CHECK(list.at("variants").size() > 1);
  for (const json& group : list.at("groups"))
    CHECK_HAS(text, group.at("name").get<std::string>() + ": " + group.at("question").get<std::string>() + "\n");
  for (const json& v : list.at("variants")) {
    CHECK_HAS(text, "\n  " + v.at("name").get<std::string>() + " ");
    CHECK_HAS(text, "\n      " + v.at("summary").get<std::string>() + "\n");
    CHECK_HAS(text, v.at("paper").get<std::string>() + "\n");
  }
  CHECK(w.run({program, "--json"}) == 2);
  CHECK(w.err() == "train: --json has no effect without --list\n");
  CHECK(w.run({"/bin/sh", "-c", program + " --version > /dev/full"}) == 1);
  CHECK_HAS(w.err(), "train: the standard output cannot be written");
}

TEST_CASE("runs/train: mistakes are told before anything is made") {
  const workplace w;
  const auto fails = [&](const words& more, const char* message, int status = 1) {
    CHECK(w.run(train("a", more)) == status);
    CHECK_HAS(w.err(), message);
    CHECK(!std::filesystem::exists(w / "a/checkpoint.safetensors"));
  };
  fails({"--resume"}, "there is no run to continue: a/checkpoint.safetensors does not exist");
  fails({"--sequence", "9223372036854775807"}, "sequence is 9223372036854775807, expected at most");
  fails({"--batch", "9223372036854775807"}, "batch is 9223372036854775807, expected at most");
  fails({"--steps", "9223372036854775807"}, "steps * accumulation * batch");
  fails({"--learning-rate", "inf"}, "--learning-rate is 'inf', expected a number", 2);
  fails({"--sequence", "300"}, "sequence = 300 is longer than positions = 256");
  fails({"--set", "balance.alhpa=1"},
        "train: --set 'balance.alhpa': there is no such number; did you mean balance.alpha? There are select.k and "
        "balance.alpha\n",
        2);
  fails({"--set", "select.k=0"}, "--set select.k is 0, expected at least 1", 2);
  fails({"--set", "select.k=5"}, "the selection takes 5 experts per token, but block 0 has only 4");
  fails({"--variant", "dense", "--set", "select.k=1"}, "--set select.k has no effect on dense; it is for smoe", 2);
  fails({"--top-k", "2"}, "there is no option '--top-k'", 2);
  fails({"--variant", "dense", "--official"},
        "--official: official checkpoints cannot hold this model: its card's slot 'dense'");
  fails({"--variant", "switch", "--official"}, "block 1 has GPT-2's feed-forward layer");
  CHECK(w.run(train("b", {"--official"})) == 0);
  CHECK(std::filesystem::exists(w / "b/official/model.safetensors"));
}
