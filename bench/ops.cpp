// Every operation of a GMoE step by itself. FLOPs and bytes are those that the operation needs, so that the counters
// read as rates: FLOP=120G/s, B=18G/s. Bytes count each operand once, as if nothing were in cache.

#include <benchmark/benchmark.h>

#include <memory>
#include <numeric>

#include "ceilings.hpp"
#include "environment.hpp"
#include "gmoe/autograd/tape.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/generate.hpp"
#include "gmoe/moe/bank.hpp"
#include "gmoe/ops/attention.hpp"
#include "gmoe/ops/cross_entropy.hpp"
#include "gmoe/ops/gru.hpp"
#include "gmoe/ops/layer_norm.hpp"

using namespace gmoe;
using namespace gmoe::bench;
using B = cpu<float>;

namespace {

int all_threads = 1;

matrix<B> random_matrix(index_t rows, index_t cols, std::uint64_t seed = 1) {
  matrix<B> m(rows, cols);
  B::fill_uniform(m.view(), -1, 1, random_stream(seed));
  return m;
}

/// Registers `make()`, which prepares operands and returns the call to time, on one thread and on all.
template <class Make>
void add(const std::string& name, double flops, double bytes, const Make& make) {
  for (int threads : {1, all_threads}) {
    benchmark::RegisterBenchmark((name + "/threads:" + std::to_string(threads)).c_str(),
                                 [=](benchmark::State& state) {
                                   B::set_threads(threads);
                                   auto call = make();
                                   call();
                                   for (auto _ : state) {
                                     call();
                                     benchmark::ClobberMemory();
                                   }
                                   using counter = benchmark::Counter;
                                   const auto rate = counter::kIsIterationInvariantRate;
                                   if (flops > 0) state.counters["FLOP"] = counter(flops, rate);
                                   if (bytes > 0) state.counters["B"] = counter(bytes, rate);
                                 })
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
    if (all_threads == 1) break;
  }
}

double floats(index_t count) { return 4.0 * static_cast<double>(count); }

void add_products() {
  const auto one = [](const std::string& form, const product_shape& s) {
    add(concat("gemm/", form, "/", s.m, "x", s.k, "x", s.n), s.flops(), floats(s.m * s.k + s.k * s.n + s.m * s.n),
        [s] { return [o = std::make_shared<product_operands>(s)] { o->run_gmoe(); }; });
  };
  for (index_t t : {256, 1024, 4096})
    for (const auto& [k, n] :
         {std::pair<index_t, index_t>{128, 512}, {512, 128}, {256, 1024}, {512, 2048}, {2048, 512}, {768, 3072}}) {
      one("forward", {t, k, n});
      one("input_gradient", {t, n, k, op::none, op::transpose});
      one("weight_gradient", {k, t, n, op::transpose, op::none});
    }
  for (index_t rows : {1, 4, 8, 16, 32, 64, 128}) one("few_rows", {rows, 512, 2048});
  one("head", {512, 512, 50257, op::none, op::transpose});
}

/// Tokens spread over the experts as unevenly as by a router at its start: expert e gets a share of 1 / (e + 1).
id_matrix<B> uneven_choices(index_t tokens, index_t experts) {
  std::vector<double> until;
  double sum = 0;
  for (index_t e = 0; e < experts; ++e) until.push_back(sum += 1.0 / static_cast<double>(e + 1));
  std::vector<id_type> chosen(static_cast<std::size_t>(tokens));
  for (std::size_t t = 0; t < chosen.size(); ++t) {
    const double aim = random_stream(5).uniform(t) * sum;
    chosen[t] = static_cast<id_type>(std::lower_bound(until.begin(), until.end(), aim) - until.begin());
  }
  return id_matrix<B>::from_host(chosen, tokens, 1);
}

struct expert_operands {
  expert_operands(index_t tokens, index_t experts, index_t d, index_t m)
      : bank(builder<B>(1), d, std::vector<index_t>(static_cast<std::size_t>(experts), m), 0.02),
        visible(static_cast<std::size_t>(experts)),
        pairs{tokens, 1, experts, id_matrix<B>(1, tokens), id_matrix<B>(tokens, 1), id_matrix<B>(1, experts + 1)},
        x(random_matrix(tokens, d)),
        w(matrix<B>::filled(tokens, 1, 0.5f)) {
    std::iota(visible.begin(), visible.end(), id_type{0});
    const id_matrix<B> chosen = uneven_choices(tokens, experts);
    B::sort_pairs(pairs.order.view(), pairs.position.view(), pairs.offsets.view(), chosen.view());
  }
  expert_bank<B> bank;
  std::vector<id_type> visible;
  dispatch<B> pairs;
  matrix<B> x, w;
  tape<B> t;
};

void add_experts(index_t tokens, index_t experts, index_t d, index_t m, bool training) {
  const double work = 4.0 * static_cast<double>(tokens * d * m) * (training ? 3 : 1);
  add(concat("experts/", training ? "forward_backward/" : "forward/", tokens, "_tokens/", experts, "_experts/", d, "x",
             m),
      work, floats(experts * 2 * d * m) * (training ? 3 : 1), [=] {
        auto s = std::make_shared<expert_operands>(tokens, experts, d, m);
        return [s, training] {
          tape<B>* const on = training ? &s->t : nullptr;
          const variable<B> x(s->x, on, training), w(s->w, on, training);
          const auto y = apply_experts(relu_expert{}, x, w, &s->pairs, variable<B>(s->bank.w_in(), on),
                                       variable<B>(s->bank.w_out(), on), s->bank.layout(s->visible));
          if (training) s->t.backward(sum(y));
        };
      });
}

void add_attention(index_t sequence, index_t batch, index_t heads, index_t head) {
  const index_t d = heads * head, tokens = batch * sequence;
  const double work = 2.0 * static_cast<double>(tokens * d * (sequence + 1));
  const attention_shape shape{batch, sequence, heads};
  const std::string at = concat("S", sequence, "/", batch, "x", heads, "x", head);
  add("attention/forward/" + at, work, floats(tokens * 4 * d), [=] {
    return [=, qkv = random_matrix(tokens, 3 * d), y = matrix<B>(tokens, d), lse = matrix<B>(tokens, heads)]() mutable {
      B::attention(y.view(), lse.view(), std::as_const(qkv).view(), shape, random_stream(1));
    };
  });
  add("attention/backward/" + at, 2.5 * work, floats(tokens * 8 * d), [=] {
    auto qkv = random_matrix(tokens, 3 * d), dy = random_matrix(tokens, d, 2);
    matrix<B> y(tokens, d), lse(tokens, heads), dqkv(tokens, 3 * d);
    B::attention(y.view(), lse.view(), std::as_const(qkv).view(), shape, random_stream(1));
    return [=]() mutable {
      B::attention_backward(dqkv.view(), std::as_const(dy).view(), std::as_const(y).view(), std::as_const(lse).view(),
                            std::as_const(qkv).view(), shape, random_stream(1));
    };
  });
}

void add_rows(index_t rows, index_t d) {
  const std::string at = concat("/", rows, "x", d);
  add("layer_norm/forward" + at, 0, floats(2 * rows * d), [=] {
    return [x = random_matrix(rows, d), y = matrix<B>(rows, d), m = matrix<B>(rows, 2),
            g = random_matrix(1, d)]() mutable {
      B::layer_norm(y.view(), m.view(), std::as_const(x).view(), std::as_const(g).view(), std::as_const(g).view(),
                    1e-5f);
    };
  });
  add("layer_norm/backward" + at, 0, floats(3 * rows * d), [=] {
    auto x = random_matrix(rows, d), g = random_matrix(1, d);
    matrix<B> y(rows, d), m(rows, 2), dx(rows, d), dg = random_matrix(1, d), db = random_matrix(1, d);
    B::layer_norm(y.view(), m.view(), std::as_const(x).view(), std::as_const(g).view(), std::as_const(g).view(), 1e-5f);
    return [=]() mutable {
      B::layer_norm_backward(dx.view(), 0, dg.view(), db.view(), std::as_const(y).view(), std::as_const(x).view(),
                             std::as_const(m).view(), std::as_const(g).view());
    };
  });
  add("gru_gates/forward" + at, 0, floats(10 * rows * d), [=] {
    return [gates = random_matrix(rows, 4 * d), h = random_matrix(rows, d), next = matrix<B>(rows, d),
            bias = matrix<B>::filled(1, 3 * d, 0)]() mutable {
      // The gates are overwritten: each call works on the results of the one before, all of them below 1.
      const auto before = std::as_const(h).view();
      B::gru_gates(next.view(), gates.view(), std::as_const(bias).view(), std::as_const(bias).view(), &before);
    };
  });
  add("softmax" + at, 0, floats(2 * rows * d), [=] {
    return [x = random_matrix(rows, d), y = matrix<B>(rows, d)]() mutable {
      B::softmax_rows(y.view(), std::as_const(x).view());
    };
  });
}

void add_loss(index_t rows, index_t vocab) {
  add(concat("cross_entropy/with_gradient/", rows, "x", vocab), 0, floats(4 * rows * vocab), [=] {
    std::vector<id_type> ids(static_cast<std::size_t>(rows));
    for (std::size_t i = 0; i < ids.size(); ++i)
      ids[i] = static_cast<id_type>(random_stream(3).below(i, static_cast<std::uint64_t>(vocab)));
    return [p = random_matrix(rows, vocab), loss = matrix<B>(rows, 1), one = matrix<B>::filled(1, 1, 1),
            targets = id_matrix<B>::from_host(ids, 1, rows)]() mutable {
      B::cross_entropy(p.view(), loss.view(), std::as_const(targets).view());
      B::cross_entropy_backward(p.view(), std::as_const(targets).view(), 1, std::as_const(one).view());
    };
  });
}

void add_optimizer(index_t rows, index_t cols) {
  add(concat("adamw/", rows, "x", cols), 0, floats(7 * rows * cols), [=] {
    fn::adamw_step<float> step{1, 0.9f, 0.95f, 1e-9f, 1, 1e-8f, 1};
    return
        [=, p = random_matrix(rows, cols), m = matrix<B>::filled(rows, cols, 0), v = matrix<B>::filled(rows, cols, 0),
         g = matrix<B>::filled(rows, cols, 0)]() mutable { B::adamw(p.view(), m.view(), v.view(), g.view(), step); };
  });
}

/// `tokens` tokens, one after the other, through a model that has read nothing before.
void add_generation(const std::string& name, const sizes& s, index_t tokens) {
  add(concat("generate/", name, "/", tokens, "_tokens"), 0, 0, [=] {
    struct reading {
      explicit reading(const sizes& s) : model(s), reader(model) {}
      language_model<gmoe_card, B> model;
      generator<language_model<gmoe_card, B>> reader;
    };
    return [tokens, r = std::make_shared<reading>(s)] {
      r->reader.restart();
      for (id_type t = 0; t < tokens; ++t) r->reader.read(std::span<const id_type>(&t, 1));
    };
  });
}

}  // namespace

int main(int argc, char** argv) {
  all_threads = B::threads();
  for (const auto& [name, value] : environment()) benchmark::AddCustomContext(name, value);
  add_products();
  for (bool training : {false, true}) {
    add_experts(1024, 8, 128, 512, training);
    add_experts(1024, 16, 512, 2048, training);
  }
  add_attention(128, 8, 4, 32);
  add_attention(1024, 1, 8, 64);
  add_rows(1024, 128);
  add_rows(2048, 512);
  add_loss(128, 50257);
  add_loss(1024, 256);
  add_optimizer(2048, 512);
  add_optimizer(32768, 512);
  add_generation("course",
                 {.vocab = 256, .positions = 128, .d_model = 128, .layers = 4, .heads = 4, .d_ff = 512, .experts = 16},
                 64);
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
