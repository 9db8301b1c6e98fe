// Runs examples/trace_checkpoint as a user does and compares the file that it writes with everything expected.

#include <doctest/doctest.h>

#include <sys/wait.h>
#include <algorithm>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "gmoe/io/safetensors_writer.hpp"
#include "golden/compare.hpp"
#include "io/checkpoint.hpp"

using gmoe_test::checkpoint;
using gmoe_test::slurp;
using gmoe_test::spill;
using gmoe_test::temp_folder;

namespace {

struct outcome {
  int status;
  std::string out, err;
};

std::string quoted(const std::filesystem::path& p) { return "'" + p.string() + "'"; }

outcome run(const temp_folder& folder, const std::string& arguments) {
  const std::string command = quoted(GMOE_TRACE_CHECKPOINT) + " " + arguments + " >" + quoted(folder / "stdout") +
                              " 2>" + quoted(folder / "stderr");
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, slurp(folder / "stdout"), slurp(folder / "stderr")};
}

std::string files(const std::filesystem::path& folder, const std::filesystem::path& tokens,
                  const std::filesystem::path& out) {
  return "--checkpoint " + quoted(folder) + " --tokens " + quoted(tokens) + " --out " + quoted(out);
}

}  // namespace

TEST_CASE("golden/trace_checkpoint: writes what every case expects, in both precisions") {
  const char* const names[] = {"model.safetensors", "best_checkpoint.safetensors", "last_checkpoint.safetensors"};
  std::size_t turn = 0;
  for (const std::string& name : golden::cases)
    for (const char* scalar : {"double", "float"}) {
      CAPTURE(name);
      CAPTURE(scalar);
      const temp_folder folder;
      std::filesystem::create_directory(folder / "checkpoint");
      std::filesystem::copy_file(golden::file_of(name, ".config.json"), folder / "checkpoint/config.json");
      std::filesystem::copy_file(golden::file_of(name, ".weights.safetensors"),
                                 folder / "checkpoint" / names[turn++ % 3]);
      const gmoe::safetensors_file expect(golden::expect_of(name));
      const outcome r = run(folder, files(folder / "checkpoint", golden::expect_of(name), folder / "out") +
                                        " --scalar " + scalar + " --steps " + std::to_string(golden::steps_of(expect)));
      CHECK(r.err == "");
      REQUIRE(r.status == 0);
      CHECK_FALSE(r.out.empty());  // what it has traced
      CHECK(golden::differences(expect, gmoe::safetensors_file(folder / "out"), scalar == std::string("double")) == "");
    }
}

TEST_CASE("golden/trace_checkpoint: tokens of any integer type, double and no steps by default") {
  const temp_folder folder;
  checkpoint::golden("switch_tiny").write(folder / "c");
  const std::vector<std::int32_t> tokens{1, 2, 3, 60, 0, 5};
  gmoe::safetensors_writer in;
  in.add("tokens", {3, 2}, tokens);
  in.write(folder / "tokens");
  CHECK(run(folder, files(folder / "c", folder / "tokens", folder / "out")).status == 0);
  const gmoe::safetensors_file out(folder / "out");
  CHECK(out.read<std::int64_t>("tokens") == std::vector<std::int64_t>(tokens.begin(), tokens.end()));
  CHECK(out.entry("logits").shape == std::vector<gmoe::index_t>{3, 2, 61});
  CHECK_FALSE(out.contains("train/lr"));
  const auto is_float = [](double x) { return x == static_cast<double>(static_cast<float>(x)); };
  const auto logits = out.read<double>("logits");
  CHECK_FALSE(std::all_of(logits.begin(), logits.end(), is_float));
  CHECK(run(folder, files(folder / "c", folder / "tokens", folder / "narrow") + " --scalar float").status == 0);
  const auto narrow = gmoe::safetensors_file(folder / "narrow").read<double>("logits");
  CHECK(std::all_of(narrow.begin(), narrow.end(), is_float));
}

TEST_CASE("golden/trace_checkpoint: baselines train too, and beyond the schedule nothing moves") {
  const temp_folder folder;
  checkpoint::golden("dense_tiny").write(folder / "c");
  const auto after = [&](int steps) {
    REQUIRE(run(folder, files(folder / "c", golden::expect_of("dense_tiny"), folder / "out") +
                            " --scalar double --steps " + std::to_string(steps))
                .status == 0);
    return gmoe::safetensors_file(folder / "out").read<double>("after/transformer.wte.weight");
  };
  const auto at_10 = after(10);
  const auto at_12 = after(12);
  CHECK(at_10 == at_12);
  CHECK(at_10 != after(9));
  const auto at_12_again = after(12);
  const gmoe::safetensors_file out(folder / "out");
  const auto rates = out.read<double>("train/lr"), losses = out.read<double>("train/loss");
  REQUIRE(rates.size() == 12);
  CHECK(rates[0] == 0);
  CHECK(rates[1] == 3e-4);
  CHECK(rates[9] > 0);
  CHECK(rates[10] < 1e-20);
  CHECK(rates[11] < 1e-20);
  CHECK(losses[0] == losses[1]);
  CHECK(losses[9] < losses[1]);
}

TEST_CASE("golden/trace_checkpoint: help, and one line for every mistake") {
  const temp_folder folder;
  const outcome help = run(folder, "--help");
  CHECK(help.status == 0);
  for (const char* option : {"--checkpoint", "--tokens", "--out", "--scalar", "--steps"}) CHECK_HAS(help.out, option);

  checkpoint c = checkpoint::golden("gmoe_tiny");
  c.write(folder / "c");
  const auto tokens = golden::expect_of("gmoe_tiny");
  spill(folder / "out", "old");
  const auto complains = [&](const std::string& arguments, const char* about, int status = 1) {
    CAPTURE(arguments);
    const outcome r = run(folder, arguments);
    CHECK(r.status == status);
    CHECK(r.out == "");
    CHECK(r.err.starts_with("trace_checkpoint: "));
    CHECK(std::count(r.err.begin(), r.err.end(), '\n') == 1);
    CHECK_HAS(r.err, about);
    CHECK(slurp(folder / "out") == "old");
  };
  complains("", "--checkpoint is required", 2);
  complains(files(folder / "c", tokens, folder / "out") + " --scalar half",
            "--scalar is 'half', expected float or double", 2);
  complains(files(folder / "c", tokens, folder / "out") + " --steps -1",
            "--steps is '-1', expected a whole number from 0 up", 2);
  complains(files(folder / "nowhere", tokens, folder / "out"), "there is no such folder");
  complains(files(folder / "c", folder / "none", folder / "out"), "none");
  complains(files(folder / "c", folder / "c/model.safetensors", folder / "out"), "has no tensor 'tokens'");
  complains(files(folder / "c", golden::expect_of("gmoe_deep"), folder / "out"), "tokens: ");
  complains(files(folder / "c", tokens, folder / "no/out"), "cannot write");
  c.tensors.erase("transformer.wpe.weight");
  c.write(folder / "c");
  complains(files(folder / "c", tokens, folder / "out"), "has no tensor 'transformer.wpe.weight'");
}
