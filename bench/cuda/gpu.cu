// The GPU's ceilings and what training reaches of them, in one run: products, copies, experts in one call or in a
// loop, every operation of a step as a share of those, and a whole training step of GMoE Small. bench/gpu.sh builds and
// runs it.
//
//   gpu [--sequences 32] [--seconds 1] [--tiny]        --tiny: small sizes, to see that the program works

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "../measure.hpp"
#include "../operations.hpp"
#include "gmoe/backend/thrust.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/train/trainer.hpp"

namespace {

using namespace gmoe;
using B = thrust_backend<float>;

struct settings {
  index_t sequences = 32;
  double seconds = 1;
  bool tiny = false;
};

/// Seconds per call, the GPU's work included, in rounds that fill the time together.
template <class F>
bench::summary measure(const settings& s, const F& f) {
  constexpr int rounds = 7;
  f();  // warms up: memory, cuBLAS's choice of kernel
  B::wait();
  std::vector<double> samples;
  for (int r = 0; r < rounds; ++r) {
    for (int calls = 1;; calls *= 2) {
      const double seconds = bench::seconds_of([&] {
        for (int i = 0; i < calls; ++i) f();
        B::wait();
      });
      if (seconds < s.seconds / rounds) continue;
      samples.push_back(seconds / calls);
      break;
    }
  }
  return bench::summarise(std::move(samples));
}

/// One line of the table: what, how much per call in units of `unit`, and the rate with its quartiles.
double print_rate(const std::string& what, double amount, const char* unit, const bench::summary& t) {
  std::printf("| %-46s | %10.2f | %10.2f ... %-10.2f | %-9s | %10.3f |\n", what.c_str(), amount / t.median,
              amount / t.high, amount / t.low, unit, t.median * 1e3);
  std::fflush(stdout);
  return amount / t.median;
}

matrix<B> numbers(index_t rows, index_t cols, std::uint64_t seed) {
  matrix<B> m(rows, cols);
  B::fill_uniform(m.view(), -1, 1, random_stream(seed));
  return m;
}

/// C = A B' of tokens x in and out x in, in TFLOP/s.
double product_rate(const settings& s, const std::string& what, index_t tokens, index_t in, index_t out) {
  const matrix<B> a = numbers(tokens, in, 1), b = numbers(out, in, 2);
  matrix<B> c(tokens, out);
  const auto t = measure(s, [&] { B::gemm(op::none, op::transpose, 1, a.view(), b.view(), 0, c.view()); });
  const double work = 2e-12 * static_cast<double>(tokens) * static_cast<double>(in) * static_cast<double>(out);
  return print_rate(what + ", " + std::to_string(tokens) + " x " + std::to_string(in) + " x " + std::to_string(out),
                    work, "TFLOP/s", t);
}

/// Bytes per second.
double copy_rate(const settings& s) {
  const index_t count = index_t{1} << (s.tiny ? 20 : 28);
  const matrix<B> from = numbers(1, count, 1);
  matrix<B> to(1, count);
  const auto bytes = static_cast<std::size_t>(count) * sizeof(float);
  const auto t = measure(s, [&] { B::copy(to.data(), from.data(), bytes); });
  const double rate =
      print_rate("copy within the memory, read + written", 2e-9 * static_cast<double>(bytes), "GB/s", t);
  const auto u = measure(s, [&] { B::map(to.view(), 0, fn::scaled<float>{2}, from.view()); });
  print_rate("y = 2 x through map, read + written", 2e-9 * static_cast<double>(bytes), "GB/s", u);
  return 1e9 * rate;
}

/// Sixteen experts of equal load: all products in one call of cuBLAS, and one after the other.
void expert_rates(const settings& s, index_t tokens, index_t d, index_t width) {
#if GMOE_ON_CUDA
  constexpr index_t experts = 16;
  const matrix<B> x = numbers(tokens, d, 1), w = numbers(experts * width, d, 2);
  matrix<B> h(tokens, width);
  std::vector<on_thrust::product<float>> products;
  const index_t each = tokens / experts;
  for (index_t e = 0; e < experts; ++e)
    products.push_back(
        {x.view().row_block(e * each, each), w.view().row_block(e * width, width), h.view().row_block(e * each, each)});
  const double before = B::group_below();
  for (const bool grouped : {true, false}) {
    B::group_below() = grouped ? 1e30 : 0;
    const auto t = measure(
        s, [&] { B::grouped(op::none, op::transpose, 1, std::span<const on_thrust::product<float>>(products), 0); });
    print_rate("16 experts, " + std::to_string(each) + " rows each, " + (grouped ? "one call" : "a loop"),
               2e-12 * static_cast<double>(tokens) * static_cast<double>(d) * static_cast<double>(width), "TFLOP/s", t);
  }
  B::group_below() = before;
#else
  (void)s, (void)tokens, (void)d, (void)width;
#endif
}

/// The operations of a step, each as a share of the product rate or of the copy rate: whichever limits it.
void operation_rates(const settings& s, double flops_per_second, double bytes_per_second) {
  const auto list =
      s.tiny ? bench::operations_of<B>(256, 32, 32, 2, 4, 300) : bench::operations_of<B>(8192, 1024, 512, 8, 16, 50304);
  std::printf("\n| %-46s | %10s | %8s | %s |\n|---|---|---|---|\n", "operation", "ms", "share", "of");
  for (const bench::operation& o : list) {
    const auto call = o.make();
    const auto t = measure(s, call);
    const double by_products = o.flops / flops_per_second, by_copies = o.bytes / bytes_per_second;
    std::printf("| %-46s | %10.3f | %7.0f%% | %s |\n", o.name.c_str(), 1e3 * t.median,
                100 * std::max(by_products, by_copies) / t.median,
                by_products > by_copies ? "the best product" : "the copy rate");
    std::fflush(stdout);
  }
}

/// Multiply-adds of matrices, times two, per token of a training step: three times the forward pass.
double training_flop_per_token(const sizes& s, index_t sequence) {
  const auto d = static_cast<double>(s.d_model), m = static_cast<double>(s.d_ff);
  const double layer = 8 * d * d + 2 * static_cast<double>(sequence) * d + 12 * d * d +
                       6 * d * static_cast<double>(s.experts) + 4 * d * m + 4 * d * m;
  return 3 * (static_cast<double>(s.layers) * layer + 2 * d * static_cast<double>(s.vocab));
}

void training_rate(const settings& how, const std::string& precision, double ceiling) {
  sizes s{.vocab = 50304, .positions = 1024, .d_model = 512, .layers = 6, .heads = 8, .d_ff = 2048, .experts = 16};
  if (how.tiny) s = {.vocab = 300, .positions = 32, .d_model = 32, .layers = 2, .heads = 2, .d_ff = 64, .experts = 4};
  language_model<gmoe_card, B> model(s);
  std::vector<id_type> text(static_cast<std::size_t>(4 * how.sequences * s.positions + 1));
  const random_stream random(3);
  for (std::size_t i = 0; i < text.size(); ++i) {  // frequent and rare ids
    const double u = random.uniform(i);
    text[i] = static_cast<id_type>(u * u * u * static_cast<double>(s.vocab));
  }
  trainer train(model, std::span<const id_type>(text),
                recipe{.steps = 1 << 20, .batch = how.sequences, .sequence = s.positions, .learning_rate = 1e-4});
  double first = 0, last = 0;
  const auto t = measure(how, [&] {
    last = train.step().loss;
    if (first == 0) first = last;
  });
  const auto tokens = static_cast<double>(how.sequences * s.positions);
  print_rate(std::string(how.tiny ? "tiny model" : "GMoE Small") + ", training step, " + precision, tokens * 1e-3,
             "ktoken/s", t);
  const double rate = tokens / t.median * training_flop_per_token(s, s.positions) * 1e-12;
  const auto memory = pool<B::memory>::instance().statistics();
  std::printf(
      "\n%s: %.1f MFLOP per token, %.1f TFLOP/s, %.2f of the best product above; loss %.3f -> %.3f; peak memory "
      "%.2f GiB\n\n",
      precision.c_str(), training_flop_per_token(s, s.positions) * 1e-6, rate, rate / ceiling, first, last,
      static_cast<double>(memory.peak) / (1 << 30));
}

void run(const settings& s, const std::string& precision) {
  const index_t tokens = s.tiny ? 256 : 32768, d = s.tiny ? 32 : 512;
  std::printf("| %-46s | %10s | %-25s | %-9s | %10s |\n|---|---|---|---|---|\n", precision.c_str(), "median",
              "quartiles", "unit", "ms");
  double best = 0;
  for (const index_t t : {tokens / 8, tokens}) {
    best = std::max(best, product_rate(s, "attention projection", t, d, 3 * d));
    best = std::max(best, product_rate(s, "local expert, in", t, d, 4 * d));
    best = std::max(best, product_rate(s, "local expert, out", t, 4 * d, d));
    expert_rates(s, t, d, 4 * d);
  }
  best = std::max(best, product_rate(s, "head", tokens / 8, d, s.tiny ? 300 : 50304));
  best = std::max(best, product_rate(s, "square", s.tiny ? 256 : 8192, s.tiny ? 256 : 8192, s.tiny ? 256 : 8192));
  operation_rates(s, 1e12 * best, copy_rate(s));
  training_rate(s, precision, best);
}

}  // namespace

int main(int count, char** arguments) {
  settings s;
  for (int i = 1; i < count; ++i) {
    const std::string a = arguments[i];
    if (a == "--tiny") {
      s.tiny = true;
    } else if (a == "--sequences" && i + 1 < count) {
      s.sequences = std::atol(arguments[++i]);
    } else if (a == "--seconds" && i + 1 < count) {
      s.seconds = std::atof(arguments[++i]);
    } else {
      std::fprintf(stderr, "gpu: unknown option '%s'; there are --sequences N, --seconds T and --tiny\n", a.c_str());
      return 2;
    }
  }
  try {
    run(s, "float");
#if GMOE_ON_CUDA
    B::allow_tf32(true);
    run(s, "float, TF32 products");
#endif
  } catch (const gmoe::error& e) {
    std::fprintf(stderr, "gpu: %s\n", e.what());
    return 1;
  }
}
