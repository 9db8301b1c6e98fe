// Signals at random moments: every program stops in the documented way, and continues to the same bits.

#include <cstdlib>
#include <functional>
#include <random>

#include "program.hpp"

using gmoe_test::slurp;
using gmoe_test::soon;
using gmoe_test::words;
using gmoe_test::workplace;

namespace {

/// How many for each program; GMOE_TEST_INTERRUPTS=100 for a long run.
int interrupts() {
  const char* text = std::getenv("GMOE_TEST_INTERRUPTS");
  return text ? std::max(1, std::atoi(text)) : 4;
}

/// `command(folder, resume)` runs whole in one folder, and over and over interrupted in another, until there were
/// enough interrupts.
void check_interrupts(const std::function<words(const std::string&, bool)>& command, const char* says_when_started) {
  const workplace w;
  std::filesystem::create_directory(w / "whole");
  const pid_t first = w.start(command("whole", false));
  REQUIRE(soon([&] { return gmoe_test::contains(w.out(), says_when_started); }));
  const auto started = std::chrono::steady_clock::now();
  REQUIRE_MESSAGE(workplace::wait(first) == 0, w.err());
  const std::chrono::duration<double, std::micro> takes = std::chrono::steady_clock::now() - started;
  const std::string whole = slurp(w / "whole/checkpoint.safetensors");
  std::mt19937 random(std::random_device{}());
  std::uniform_int_distribution<int> microseconds(0, std::min(250'000, static_cast<int>(takes.count() / 2)));
  int done = 0;
  for (int round = 0; done < interrupts(); ++round) {
    REQUIRE(round < 10 + interrupts());
    const std::string folder = "part" + std::to_string(round);
    std::filesystem::create_directory(w / folder);
    int status = 130;
    for (bool resume = false; status == 130; resume = true) {
      const pid_t child = w.start(command(folder, resume));
      REQUIRE(soon([&] { return gmoe_test::contains(w.out(), says_when_started); }));
      if (done < interrupts()) {
        std::this_thread::sleep_for(std::chrono::microseconds(microseconds(random)));
        ::kill(child, done % 2 == 0 ? SIGINT : SIGTERM);
      }
      status = workplace::wait(child);
      INFO(w.err());
      REQUIRE((status == 0 || status == 130));
      if (status == 130) ++done;
      REQUIRE(std::filesystem::exists(w / folder / "checkpoint.safetensors"));
    }
    const bool same = slurp(w / folder / "checkpoint.safetensors") == whole;
    CHECK(same);
    std::filesystem::remove_all(w / folder);
  }
}

[[maybe_unused]] void check_small_run(const char* program) {
  check_interrupts([program](const std::string& folder, bool) { return words{program, folder, "30"}; }, "started");
}

}  // namespace

TEST_CASE("runs/interrupt: train at random moments, and to the same bits") {
  check_interrupts(
      [](const std::string& folder, bool resume) {
        words more{"--final-batches", "1"};
        if (resume)
          more.push_back("--resume");
        else
          more.insert(more.end(), {"--variant", "dense", "--steps", "60", "--d-model", "64", "--heads", "4", "--d-ff",
                                   "128", "--batch", "4", "--sequence", "64"});
        return gmoe_test::train(folder, more);
      },
      " steps of ");
}

// By whom train does not multiply.
#if defined(GMOE_SMALL_RUN_EIGEN)
TEST_CASE("runs/interrupt: products by Eigen") { check_small_run(GMOE_SMALL_RUN_EIGEN); }
#endif
#if defined(GMOE_SMALL_RUN_ONEDNN)
TEST_CASE("runs/interrupt: products by oneDNN") { check_small_run(GMOE_SMALL_RUN_ONEDNN); }
#endif
