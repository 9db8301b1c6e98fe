// Ranks that are processes: what a communicator promises, training to the last bit, and how runs end.

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/compiled/models.hpp"
#include "gmoe/ranks/mpi.hpp"
#include "io/temp_folder.hpp"
#include "ranks/exchange.hpp"
#include "ranks/replicas.hpp"

namespace {

namespace ranks = gmoe::ranks;
using wide = gmoe::cpu<double>;
using gmoe_test::outcome;

void check(bool ok, const std::string& what) {
  if (!ok) throw std::runtime_error(what);
}

/// A folder that all ranks know.
std::filesystem::path common_folder(const ranks::mpi& here, const std::filesystem::path& mine) {
  ranks::message m;
  m.put_text(mine.string());
  return ranks::all_messages(here, m).front().take_text();
}

void train(const ranks::mpi& here) {
  const std::string wrong = gmoe_test::wrong_with(here);
  check(wrong.empty(), wrong + " is wrong");
  for (const char* card : {"gmoe", "switch", "deepseek-moe", "loss-free", "rmoe"}) {
    const auto mine = gmoe_test::outcome_of<wide>(card, 50, here);
    ranks::message of_one;
    if (here.rank() == 0) {
      const auto one = gmoe_test::outcome_of<wide>(card, 50);
      of_one.put(std::span(one.steps));
      of_one.put(std::span(one.kept));
    }
    ranks::message expected = ranks::all_messages(here, of_one).front();
    check(mine.steps == expected.take_many<double>(mine.steps.size()) &&
              mine.kept == expected.take_many<double>(mine.kept.size()) && expected.at_end(),
          std::string(card) + " is not trained as on one rank");
  }

  // Half of a run by all ranks, the other by each alone, from the file that rank 0 wrote.
  const gmoe_test::temp_folder folder;
  const auto file = common_folder(here, folder.path) / "checkpoint.safetensors";
  outcome<wide> both, rest;
  gmoe_test::replica<wide, ranks::mpi> first("loss-free", here);
  first.train(4, both);
  first.save(file);
  gmoe_test::replica<wide, ranks::alone> second("loss-free", {}, gmoe_test::four_passes, 99);
  second.load(file);
  second.train(8, rest);
  both.steps.insert(both.steps.end(), rest.steps.begin(), rest.steps.end());
  both.kept = rest.kept;
  check(both == gmoe_test::outcome_of<wide>("loss-free", 8), "a checkpoint of all ranks does not continue on one");
  here.barrier();  // the folder is there until all have read
  if (here.rank() == 0) std::printf("all %d ranks are those of one\n", here.size());
}

int run(const ranks::mpi& here, const std::string& what) {
  wide::set_threads(1);
  if (what == "trains") {
    train(here);
    return 0;
  }
  gmoe::recipe how = gmoe_test::four_passes;
  if (what == "differs" && here.rank() == 1) how.steps = 51;
  gmoe_test::replica<wide, ranks::mpi> r("gmoe", here, how);
  for (; !r.run.finished(); r.run.step()) {
    if (here.rank() != 1 || r.run.steps_done() != 3) continue;
    if (what == "throws") throw std::runtime_error("the disk is on fire");
    if (what == "hangs") std::this_thread::sleep_for(std::chrono::seconds(30));
    if (what == "dies") std::raise(SIGKILL);
  }
  throw std::logic_error("nothing happened to the run that " + what);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "trains";
  return ranks::run_on_mpi(
      argc, argv, [&](const ranks::mpi& here) { return run(here, what); },
      [](const std::string& sentence) { std::fprintf(stderr, "%s\n", sentence.c_str()); },
      std::chrono::milliseconds(what == "hangs" ? 500 : 20000));
}
