// Every operation of a GMoE step by itself, on the CPU. FLOPs and bytes are those that the operation needs, so that the
// counters read as rates: FLOP=120G/s, B=18G/s.

#include <benchmark/benchmark.h>

#include "environment.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/generate.hpp"
#include "operations.hpp"

using namespace gmoe;
using namespace gmoe::bench;
using B = cpu<float>;
using on_cpu = operations<B>;

namespace {

int all_threads = 1;

/// Registers an operation on one thread and on all.
void add(const operation& o) {
  for (int threads : {1, all_threads}) {
    benchmark::RegisterBenchmark((o.name + "/threads:" + std::to_string(threads)).c_str(),
                                 [=](benchmark::State& state) {
                                   B::set_threads(threads);
                                   const auto call = o.make();
                                   call();
                                   for (auto _ : state) {
                                     call();
                                     benchmark::ClobberMemory();
                                   }
                                   using counter = benchmark::Counter;
                                   const auto rate = counter::kIsIterationInvariantRate;
                                   if (o.flops > 0) state.counters["FLOP"] = counter(o.flops, rate);
                                   if (o.bytes > 0) state.counters["B"] = counter(o.bytes, rate);
                                 })
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
    if (all_threads == 1) break;
  }
}

void add_products() {
  for (index_t t : {256, 1024, 4096})
    for (const auto& [k, n] :
         {std::pair<index_t, index_t>{128, 512}, {512, 128}, {256, 1024}, {512, 2048}, {2048, 512}, {768, 3072}}) {
      add(on_cpu::product("forward", t, k, n));
      add(on_cpu::product("input_gradient", t, n, k, op::none, op::transpose));
      add(on_cpu::product("weight_gradient", k, t, n, op::transpose, op::none));
    }
  for (index_t rows : {1, 4, 8, 16, 32, 64, 128}) add(on_cpu::product("few_rows", rows, 512, 2048));
  add(on_cpu::product("head", 512, 512, 50257, op::none, op::transpose));
}

void add_rows(index_t rows, index_t d) {
  add(on_cpu::layer_norm_forward(rows, d));
  add(on_cpu::layer_norm_backward(rows, d));
  add(on_cpu::gru_gates(rows, d));
  add(on_cpu::softmax(rows, d));
}

/// `tokens` tokens, one after the other, through a model that has read nothing before.
operation generation(const std::string& name, const sizes& s, index_t tokens) {
  return {concat("generate/", name, "/", tokens, "_tokens"), 0, 0, [=] {
            struct reading {
              explicit reading(const sizes& s) : model(s), reader(model) {}
              language_model<gmoe_card, B> model;
              generator<language_model<gmoe_card, B>> reader;
            };
            return [tokens, r = std::make_shared<reading>(s)] {
              r->reader.restart();
              for (id_type t = 0; t < tokens; ++t) r->reader.read(std::span<const id_type>(&t, 1));
            };
          }};
}

}  // namespace

int main(int argc, char** argv) {
  all_threads = B::threads();
  for (const auto& [name, value] : environment()) benchmark::AddCustomContext(name, value);
  add_products();
  for (bool training : {false, true}) {
    add(on_cpu::experts(1024, 8, 128, 512, training));
    add(on_cpu::experts(1024, 16, 512, 2048, training));
  }
  add(on_cpu::attention_forward(128, 8, 4, 32));
  add(on_cpu::attention_backward(128, 8, 4, 32));
  add(on_cpu::attention_forward(1024, 1, 8, 64));
  add(on_cpu::attention_backward(1024, 1, 8, 64));
  add_rows(1024, 128);
  add_rows(2048, 512);
  add(on_cpu::top_k(1024, 16, 1));
  add(on_cpu::top_k(1024, 64, 2));
  add(on_cpu::cross_entropy(128, 50257));
  add(on_cpu::cross_entropy(1024, 256));
  add(on_cpu::adamw(2048, 512));
  add(on_cpu::adamw(32768, 512));
  add(generation("course",
                 {.vocab = 256, .positions = 128, .d_model = 128, .layers = 4, .heads = 4, .d_ff = 512, .experts = 16},
                 64));
  // The defaults of this program; what the command line says comes later and wins.
  std::vector<char*> words{argv[0]};
  for (const char* word : {"--benchmark_repetitions=7", "--benchmark_min_time=0.05",
                           "--benchmark_report_aggregates_only=true", "--benchmark_counters_tabular=true"})
    words.push_back(const_cast<char*>(word));
  words.insert(words.end(), argv + 1, argv + argc);
  argc = static_cast<int>(words.size());
  argv = words.data();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
