// How speed and memory of training change with the number of experts, the width, the sequence and the threads: one of
// them is varied, the rest is the size of a course.

#include <cstdio>
#include <functional>
#include <memory>
#include <vector>

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

/// One number varied. All its values are trained in turns, so that a busy moment of the machine hits all of them.
class axis {
 public:
  explicit axis(const char* name) : name_(name) {}

  void add(index_t value, const subject& s, int threads = B::threads()) {
    const std::size_t before = host_pool().statistics().in_use;
    host_pool().reset_peak();
    auto& p = points_.emplace_back(point{value, threads, std::make_unique<training_run<B>>(s)});
    for (int i = 0; i < 2; ++i) p.run->step();
    p.memory = static_cast<double>(host_pool().statistics().peak - before) / 1e6;
  }

  void measure(int rounds, json& results) {
    std::vector<std::function<void()>> steps;
    for (point& p : points_)
      steps.push_back([&p] {
        B::set_threads(p.threads);
        p.run->step();
      });
    const int threads = B::threads();
    const auto samples = in_turns(rounds, steps);
    B::set_threads(threads);
    for (std::size_t i = 0; i < points_.size(); ++i) {
      point& p = points_[i];
      const summary step = summarise(samples[i]);
      const double rate = static_cast<double>(p.run->tokens()) / step.median;
      const double parameters = static_cast<double>(p.run->parameters()) / 1e6;
      std::printf("%-28s %6td %10.2f %12.0f %8.3f %10.0f\n", name_, p.value, parameters, rate, step.spread(), p.memory);
      results.push_back({{"axis", name_},
                         {"value", p.value},
                         {"tokens_per_step", p.run->tokens()},
                         {"parameters_m", parameters},
                         {"train_tokens_per_s", rate},
                         {"spread", step.spread()},
                         {"memory_mb", p.memory}});
    }
    std::fflush(stdout);
  }

 private:
  struct point {
    index_t value;
    int threads;
    std::unique_ptr<training_run<B>> run;
    double memory = 0;
  };
  const char* name_;
  std::vector<point> points_;
};

}  // namespace

int main(int argc, char** argv) {
  return run_program([&] {
    const options o(argc, argv, "Training with more experts, other widths, sequences and numbers of threads.",
                    {quick_option}, {json_option, rounds_option, threads_option});
    if (o.has("--threads")) B::set_threads(static_cast<int>(o.number("--threads", 1)));
    const bool quick = o.has("--quick");
    const int rounds = static_cast<int>(o.number("--rounds", quick ? 3 : 9));
    const subject course = subjects().front();
    json file;
    file["environment"] = environment_json();
    json& results = file["scaling"];
    print_environment();
    std::printf("%-28s %6s %10s %12s %8s %10s\n", "axis", "value", "M param.", "tokens/s", "spread", "memory MB");

    // A token visits one expert, whatever their number: the work per token stays the same.
    for (const index_t more : {1, 8}) {
      if (quick && more > 1) continue;
      axis experts(more == 1 ? "experts" : "experts, 8 x the tokens");
      for (const index_t count : {2, 4, 8, 16, 32, 64, 128, 256}) {
        subject s = course;
        s.batch *= more;
        s.shape.experts = count;
        experts.add(count, s);
      }
      experts.measure(rounds, results);
    }
    axis width("d_model"), sequence("sequence"), threads("threads");
    for (const index_t d : {64, 128, 256, 512}) {
      subject s = course;
      s.shape.d_model = d;
      s.shape.d_ff = 4 * d;
      s.shape.heads = d / 32;
      width.add(d, s);
    }
    width.measure(rounds, results);
    for (const index_t length : {64, 128, 256, 512, 1024}) {  // as many tokens per step
      subject s = course;
      s.shape.positions = s.sequence = length;
      s.batch = 1024 / length;
      sequence.add(length, s);
    }
    sequence.measure(rounds, results);
    for (int count = 1; count <= B::threads(); ++count) threads.add(count, course, count);
    threads.measure(rounds, results);
    write_json(o, file);
  });
}
