// Eigen against Thrust's host system, on the same processor: every operation of a step, and whole training steps. Both
// compute the same; on a processor Thrust is there to test the kernels that a GPU runs, not to be fast.
//
//   backends [--size course] [--text FILE [--steps 200]]      with a text, whole trainings are compared too

#include <cstdio>

#include "gmoe/backend/thrust.hpp"
#include "gmoe/data/corpus.hpp"
#include "gmoe/data/split.hpp"
#include "measure.hpp"
#include "operations.hpp"
#include "options.hpp"
#include "training_run.hpp"

using namespace gmoe;
using namespace gmoe::bench;
using json = nlohmann::ordered_json;
using eigen_backend = cpu<float>;
using host_thrust = thrust_backend<float>;

namespace {

template <class B>
operation training_step(const subject& s) {
  return {concat("training_step/", s.name), 0, 0, [s] {
            auto r = std::make_shared<training_run<B>>(s);
            return [r] { r->step(); };
          }};
}

json compare(const operation& on_eigen, const operation& on_thrust, int rounds, double seconds) {
  const auto a = on_eigen.make(), b = on_thrust.make();
  const auto samples = in_turns(rounds, {a, b}, seconds);
  const double eigen_ms = 1e3 * summarise(samples[0]).median, thrust_ms = 1e3 * summarise(samples[1]).median;
  const summary ratio = ratio_of(samples[1], samples[0]);
  std::printf("%-52s %12.3f %12.3f %8.2f %7.2f\n", on_eigen.name.c_str(), eigen_ms, thrust_ms, ratio.median,
              ratio.spread());
  std::fflush(stdout);
  return {{"what", on_eigen.name},
          {"eigen_ms", eigen_ms},
          {"thrust_ms", thrust_ms},
          {"ratio", ratio.median},
          {"spread", ratio.spread()}};
}

struct training {
  double first = 0, tenth = 0, validation = 0;
};

/// GMoE with its default sizes on `text`, from one seed.
template <class B>
training train_on(std::span<const std::uint8_t> text, std::int64_t steps) {
  const recipe how{.steps = steps, .batch = 8};
  const auto parts = split_tokens(text, how.sequence, how.validation_fraction);
  language_model<gmoe_card, B> model({});
  trainer run(model, parts.train, how);
  training t;
  while (!run.finished()) {
    const step_report r = run.step();
    if (r.step == 0) t.first = r.loss;
    if (r.step == 9) t.tenth = r.loss;
  }
  t.validation = evaluate(model, parts.validation, how.sequence, how.batch).loss;
  return t;
}

json compare_training(const std::string& path, std::int64_t steps) {
  const corpus text = corpus::read(path);
  json all;
  std::printf("\n%td steps of GMoE on %s\n%-14s %12s %12s %16s\n", static_cast<index_t>(steps), path.c_str(), "backend",
              "first loss", "10th loss", "validation loss");
  const auto add = [&](const char* name, const training& t) {
    std::printf("%-14s %12.6f %12.6f %16.6f\n", name, t.first, t.tenth, t.validation);
    all.push_back({{"backend", name}, {"first", t.first}, {"tenth", t.tenth}, {"validation", t.validation}});
  };
  add(eigen_backend::name, train_on<eigen_backend>(text.bytes(), steps));
  add(host_thrust::name, train_on<host_thrust>(text.bytes(), steps));
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  return run_program([&] {
    const options o(argc, argv,
                    "Every operation of a training step, and whole steps, on Eigen and on Thrust's host system.",
                    {quick_option},
                    {json_option,
                     {"--size", "whose operations and steps: course, mid, small_256 or small_1024"},
                     rounds_option,
                     threads_option,
                     {"--text", "trains on this file on both backends and compares the losses"},
                     {"--steps", "of that training"}});
    if (o.has("--threads")) eigen_backend::set_threads(static_cast<int>(o.number("--threads", 1)));
    const int rounds = static_cast<int>(o.number("--rounds", o.has("--quick") ? 3 : 9));
    const double seconds = o.has("--quick") ? 0.01 : 0.05;
    const std::string wanted = o.text("--size", "course");
    std::string names;
    for (const subject& s : subjects()) {
      names += " " + s.name;
      if (s.name != wanted) continue;
      json results;
      results["environment"] = environment_json();
      results["environment"]["thrust_system"] = host_thrust::name;
      print_environment();
      std::printf("%-52s %12s %12s %8s %7s\n", "what", "Eigen ms", concat(host_thrust::name, " ms").c_str(), "ratio",
                  "spread");
      const auto all = [&]<class B>(B) {
        auto list = operations_of<B>(s.batch * s.sequence, s.sequence, s.shape.d_model, s.shape.heads, s.shape.experts,
                                     s.shape.vocab);
        list.push_back(training_step<B>(s));
        return list;
      };
      const auto on_eigen = all(eigen_backend{}), on_thrust = all(host_thrust{});
      for (std::size_t i = 0; i < on_eigen.size(); ++i)
        results["backends"].push_back(compare(on_eigen[i], on_thrust[i], rounds, seconds));
      if (o.has("--text")) results["training"] = compare_training(o.text("--text"), o.number("--steps", 200));
      write_json(o, results);
      return;
    }
    require(false, "--size is '", wanted, "', expected one of:", names);
  });
}
