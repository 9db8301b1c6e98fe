// Eigen against Thrust's host system, on the same processor: every operation of a step, and whole training steps. Both
// compute the same; on a processor Thrust is there to test the kernels that a GPU runs, not to be fast.

#include <cstdio>

#include "gmoe/backend/thrust.hpp"
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

}  // namespace

int main(int argc, char** argv) {
  return run_program([&] {
    const options o(argc, argv, {"--quick"}, {"--json", "--size", "--rounds", "--threads"});
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
      write_json(o, results);
      return;
    }
    require(false, "--size is '", wanted, "', expected one of:", names);
  });
}
