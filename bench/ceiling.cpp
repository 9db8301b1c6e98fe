// What the machine can do: multiply-adds in registers, matrix products through the library and through plain Eigen,
// copies; on one thread and on all.

#include "ceilings.hpp"

#include <cstdio>

#include "options.hpp"

using namespace gmoe;
using namespace gmoe::bench;

namespace {

const char* form_of(const product_shape& s) {
  if (s.a == op::transpose) return "TN";
  return s.b == op::transpose ? "NT" : "NN";
}

std::vector<product_shape> shapes(bool quick) {
  const std::vector<index_t> tokens = quick ? std::vector<index_t>{1024} : std::vector<index_t>{256, 1024, 4096};
  std::vector<product_shape> all;
  for (const auto& [k, n] :
       {std::pair<index_t, index_t>{128, 512}, {512, 128}, {256, 1024}, {512, 2048}, {2048, 512}, {768, 3072}})
    for (index_t t : tokens) {
      all.push_back({t, k, n});
      all.push_back({t, n, k, op::none, op::transpose});
      all.push_back({k, t, n, op::transpose, op::none});
    }
  all.push_back({256, 512, 50257, op::none, op::transpose});
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  return run_program([&] {
    const options o(argc, argv, "What this machine can do: multiply-adds in registers, copies, matrix products.",
                    {quick_option}, {json_option});
    const bool quick = o.has("--quick");
    const int all = cpu<float>::threads(), rounds = quick ? 3 : 7;
    nlohmann::ordered_json results;
    results["environment"] = environment_json();
    print_environment();
    std::vector<int> counts{1};
    if (all > 1) counts.push_back(all);

    for (int threads : counts) {
      const double peak = peak_flops(threads, rounds);
      std::printf("%d thread(s): %.0f GFLOP/s single-precision multiply-adds in registers\n", threads, peak / 1e9);
      results["peak_gflops"].push_back({{"threads", threads}, {"value", peak / 1e9}});
    }
    for (int threads : counts)
      for (std::size_t mib : {1, 16, 256}) {
        const summary rate = copy_bandwidth(threads, mib << 20, rounds);
        std::printf("%d thread(s): %.1f GB/s copying %zu MiB (read and written)\n", threads, rate.median / 1e9, mib);
        results["copy_gbs"].push_back(
            {{"threads", threads}, {"mib", mib}, {"value", rate.median / 1e9}, {"spread", rate.spread()}});
      }
    std::printf("\n%-24s %8s %12s %12s %8s\n", "product m x k x n", "threads", "gmoe GF/s", "Eigen GF/s", "ratio");
    for (const product_shape& s : shapes(quick)) {
      product_operands operands(s);
      for (int threads : counts) {
        cpu<float>::set_threads(threads);
        const auto samples = in_turns(rounds, {[&] { operands.run_gmoe(); }, [&] { operands.run_eigen(); }}, 0.02);
        const double gmoe_rate = s.flops() / summarise(samples[0]).median;
        const double eigen_rate = s.flops() / summarise(samples[1]).median;
        const summary ratio = ratio_of(samples[1], samples[0]);
        const std::string name = concat(form_of(s), " ", s.m, " x ", s.k, " x ", s.n);
        std::printf("%-24s %8d %12.1f %12.1f %8.2f\n", name.c_str(), threads, gmoe_rate / 1e9, eigen_rate / 1e9,
                    ratio.median);
        std::fflush(stdout);
        results["products"].push_back({{"form", form_of(s)},
                                       {"m", s.m},
                                       {"k", s.k},
                                       {"n", s.n},
                                       {"threads", threads},
                                       {"gmoe_gflops", gmoe_rate / 1e9},
                                       {"eigen_gflops", eigen_rate / 1e9},
                                       {"ratio", ratio.median},
                                       {"spread", ratio.spread()}});
      }
    }
    write_json(o, results);
  });
}
