// Whole GMoE models: training, evaluation and generation at several sizes; the share of the GEMM skeleton and of the
// machine's product rate that a training step reaches; memory; threads.

#include "counted_allocations.hpp"

#include <cstdio>

#include "ceilings.hpp"
#include "memory_use.hpp"
#include "options.hpp"
#include "skeleton.hpp"
#include "training_run.hpp"

using namespace gmoe;
using namespace gmoe::bench;
using B = cpu<float>;
using json = nlohmann::ordered_json;

namespace {

using run = training_run<B>;

std::vector<product_shape> main_products(const subject& s) {
  const index_t t = s.batch * s.sequence, d = s.shape.d_model, m = s.shape.d_ff;
  return {{t, d, m},
          {t, m, d},
          {t, d, 3 * d},
          {d, t, m, op::transpose, op::none},
          {t, d, s.shape.vocab, op::none, op::transpose}};
}

json bench_size(const subject& s, int rounds) {
  host_pool().trim();
  host_pool().reset_peak();
  reset_peak_resident();
  run r(s);
  for (int i = 0; i < 2; ++i) r.step();
  const std::size_t resident = peak_resident_bytes(), pool_peak = host_pool().statistics().peak;
  const std::size_t calls = allocations.calls, bytes = allocations.bytes;
  r.step();
  const std::size_t step_calls = allocations.calls - calls, step_bytes = allocations.bytes - bytes;

  std::vector<std::vector<index_t>> loads;
  r.look([&](const findings<B>& found) { loads = loads_of(found); });
  gemm_skeleton skeleton(s.shape, s.batch, s.sequence, std::move(loads));
  const index_t generated = std::min<index_t>(s.shape.positions - 16, 64);
  const auto samples = in_turns(rounds, {[&] { r.step(); }, [&] { skeleton.run(); }, [&] { r.evaluate_batch(); },
                                         [&] { skeleton.run(false); }, [&] { r.generate_tokens(generated); }});
  const double rate = best_product_rate(main_products(s), 3), peak = peak_flops(B::threads(), 3);
  const auto tokens = static_cast<double>(r.tokens());
  const summary step = summarise(samples[0]), share = ratio_of(samples[1], samples[0]);
  const double achieved = skeleton.flops() / step.median;

  json j;
  j["size"] = s.name;
  j["threads"] = B::threads();
  j["train_tokens_per_s"] = tokens / step.median;
  j["train_spread"] = step.spread();
  j["step_ms"] = 1e3 * step.median;
  j["skeleton_ms"] = 1e3 * summarise(samples[1]).median;
  j["share_of_skeleton"] = share.median;
  j["share_of_skeleton_spread"] = share.spread();
  j["gflops"] = achieved / 1e9;
  j["best_product_gflops"] = rate / 1e9;
  j["share_of_best_product"] = achieved / rate;
  j["peak_gflops"] = peak / 1e9;
  j["share_of_peak"] = achieved / peak;
  j["evaluate_tokens_per_s"] = tokens / summarise(samples[2]).median;
  j["evaluate_share_of_skeleton"] = ratio_of(samples[3], samples[2]).median;
  j["generate_tokens_per_s"] = static_cast<double>(generated) / summarise(samples[4]).median;
  j["peak_resident_mb"] = static_cast<double>(resident) / 1e6;
  j["pool_peak_mb"] = static_cast<double>(pool_peak) / 1e6;
  j["allocations_per_step"] = step_calls;
  j["bytes_allocated_per_step"] = step_bytes;
  return j;
}

void print_sizes_header() {
  std::printf("%-12s %10s %9s %9s %9s %9s %10s %9s %9s %9s %8s\n", "size", "train t/s", "step ms", "skeleton",
              "product", "of peak", "eval t/s", "gen t/s", "peak MB", "pool MB", "B/step");
}
void print_size(const json& j) {
  const auto number = [&](const char* name) { return j[name].get<double>(); };
  std::printf("%-12s %10.0f %9.2f %8.0f%% %8.0f%% %8.0f%% %10.0f %9.0f %9.0f %9.0f %8.0f\n",
              j["size"].get<std::string>().c_str(), number("train_tokens_per_s"), number("step_ms"),
              100 * number("share_of_skeleton"), 100 * number("share_of_best_product"), 100 * number("share_of_peak"),
              number("evaluate_tokens_per_s"), number("generate_tokens_per_s"), number("peak_resident_mb"),
              number("pool_peak_mb"), number("bytes_allocated_per_step"));
  std::fflush(stdout);
}

/// The same training step on one thread and on all.
json bench_threads(const subject& s, int rounds) {
  const int all = B::threads();
  run r(s);
  const auto with = [&](int threads) {
    return [&r, threads] {
      B::set_threads(threads);
      r.step();
    };
  };
  const auto samples = in_turns(rounds, {with(1), with(all)});
  B::set_threads(all);
  const summary ratio = ratio_of(samples[0], samples[1]);
  std::printf("%-12s 1 thread %.2f ms, %d threads %.2f ms: %.2f times as fast\n", s.name.c_str(),
              1e3 * summarise(samples[0]).median, all, 1e3 * summarise(samples[1]).median, ratio.median);
  std::fflush(stdout);
  return {{"size", s.name},
          {"threads", all},
          {"one_thread_ms", 1e3 * summarise(samples[0]).median},
          {"all_threads_ms", 1e3 * summarise(samples[1]).median},
          {"ratio", ratio.median},
          {"spread", ratio.spread()}};
}

}  // namespace

int main(int argc, char** argv) {
  return run_program([&] {
    const options o(argc, argv, "Whole models: training, evaluation, generation, memory, one thread against all.",
                    {quick_option},
                    {json_option,
                     {"--only", "sizes, comma-separated, of: course mid small_256 small_1024"},
                     rounds_option,
                     threads_option,
                     {"--vocab", "instead of the first chosen size's"},
                     {"--d-model", "likewise"},
                     {"--layers", "likewise"},
                     {"--heads", "likewise"},
                     {"--d-ff", "likewise"},
                     {"--experts", "likewise"},
                     {"--batch", "likewise"},
                     {"--sequence", "likewise"}});
    if (o.has("--threads")) B::set_threads(static_cast<int>(o.number("--threads", 1)));
    const bool quick = o.has("--quick");
    const int rounds = static_cast<int>(o.number("--rounds", quick ? 3 : 9));
    std::vector<subject> chosen;
    for (const subject& s : subjects())
      if (!o.has("--only") || concat(",", o.text("--only"), ",").find(concat(",", s.name, ",")) != std::string::npos)
        chosen.push_back(s);
    require(!chosen.empty(), "--only ", o.text("--only"),
            " names no size; there are course, mid, small_256, small_1024");
    if (o.has("--d-model") || o.has("--experts") || o.has("--batch") || o.has("--sequence") || o.has("--layers") ||
        o.has("--vocab") || o.has("--heads") || o.has("--d-ff"))
      chosen = {own_subject(chosen.front(), o)};
    json results;
    results["environment"] = environment_json();
    print_environment();
    print_sizes_header();
    for (const subject& s : chosen) print_size(results["sizes"].emplace_back(bench_size(s, rounds)));
    std::printf("\n");
    if (B::threads() > 1)
      for (const subject& s : chosen) results["threads"].push_back(bench_threads(s, rounds));
    write_json(o, results);
  });
}
