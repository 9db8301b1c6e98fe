// How speed and memory of training change with the number of experts, the width, the sequence and the threads: one of
// them is varied, the rest is the size of a course.

#include <cstdio>

#include "gmoe/backend/cpu.hpp"
#include "measure.hpp"
#include "memory_use.hpp"
#include "options.hpp"
#include "training_run.hpp"

using namespace gmoe;
using namespace gmoe::bench;
using B = cpu<float>;
using json = nlohmann::ordered_json;

namespace {

struct scaling {
  int rounds = 9;
  json results = json::array();

  void measure(const char* axis, index_t value, const subject& s) {
    host_pool().trim();
    host_pool().reset_peak();
    training_run<B> r(s);
    for (int i = 0; i < 2; ++i) r.step();
    const summary step = summarise(in_turns(rounds, {[&] { r.step(); }})[0]);
    const double rate = static_cast<double>(r.tokens()) / step.median;
    const double parameters = static_cast<double>(r.parameters()) / 1e6;
    const double memory = static_cast<double>(host_pool().statistics().peak) / 1e6;
    std::printf("%-28s %6td %10.2f %12.0f %8.3f %10.0f\n", axis, value, parameters, rate, step.spread(), memory);
    std::fflush(stdout);
    results.push_back({{"axis", axis},
                       {"value", value},
                       {"tokens_per_step", r.tokens()},
                       {"parameters_m", parameters},
                       {"train_tokens_per_s", rate},
                       {"spread", step.spread()},
                       {"memory_mb", memory}});
  }
};

}  // namespace

int main(int argc, char** argv) {
  return run_program([&] {
    const options o(argc, argv, {"--quick"}, {"--json", "--rounds", "--threads"});
    if (o.has("--threads")) B::set_threads(static_cast<int>(o.number("--threads", 1)));
    const bool quick = o.has("--quick");
    scaling all{static_cast<int>(o.number("--rounds", quick ? 3 : 9))};
    const subject course = subjects().front();
    json file;
    file["environment"] = environment_json();
    print_environment();
    std::printf("%-28s %6s %10s %12s %8s %10s\n", "axis", "value", "M param.", "tokens/s", "spread", "memory MB");

    // A token visits one expert, whatever their number: the work per token stays the same.
    for (const index_t more : {1, 8})
      for (const index_t experts : {2, 4, 8, 16, 32, 64, 128, 256}) {
        if (quick && (more > 1 || experts == 4 || experts == 32 || experts == 128)) continue;
        subject s = course;
        s.batch *= more;
        s.shape.experts = experts;
        all.measure(more == 1 ? "experts" : "experts, 8 x the tokens", experts, s);
      }
    for (const index_t d : {64, 128, 256, 512}) {
      subject s = course;
      s.shape.d_model = d;
      s.shape.d_ff = 4 * d;
      s.shape.heads = d / 32;
      if (!quick || d < 512) all.measure("d_model", d, s);
    }
    for (const index_t length : {64, 128, 256, 512, 1024}) {  // as many tokens per step
      subject s = course;
      s.shape.positions = s.sequence = length;
      s.batch = 1024 / length;
      all.measure("sequence", length, s);
    }
    const int threads = B::threads();
    for (int count = 1; count <= threads; ++count) {
      B::set_threads(count);
      all.measure("threads", count, course);
    }
    B::set_threads(threads);
    file["scaling"] = all.results;
    write_json(o, file);
  });
}
