#include "gmoe/moe/body/gated.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "gmoe/model/accounting.hpp"
#include "moe_checks.hpp"

using namespace gmoe;
using gmoe_test::model_backend;

namespace {

double silu_of(double a) { return a / (1 + std::exp(-a)); }
double gelu_of(double a) { return 0.5 * a * (1 + std::erf(a / std::sqrt(2.0))); }

/// One expert for all tokens, against the formula in plain loops.
template <class Body>
double worst(double (*act)(double)) {
  using B = model_backend;
  const index_t d = 3, m = 4, rows = 5;
  const Body body{};
  const std::vector<index_t> widths{m};
  auto w = body.make_weights(builder<B>(4), pool_shape{widths, d, 0.7});
  const random_stream random(9);
  std::vector<double> x;
  for (index_t i = 0; i < rows * d; ++i) x.push_back(random.normal(static_cast<std::uint64_t>(i)));
  const auto y = body.dense(context<B>{}, variable<B>(matrix<B>::from_host(x, rows, d)), w).value().to_host();
  const auto gate = w.w_gate.value().to_host(), up = w.w_up.value().to_host(), out = w.w_out.value().to_host();
  double difference = 0;
  for (index_t t = 0; t < rows; ++t) {
    std::vector<double> expected(static_cast<std::size_t>(d));
    for (index_t u = 0; u < m; ++u) {
      double a = 0, b = 0;
      for (index_t c = 0; c < d; ++c) {
        a += gate[static_cast<std::size_t>(u * d + c)] * x[static_cast<std::size_t>(t * d + c)];
        b += up[static_cast<std::size_t>(u * d + c)] * x[static_cast<std::size_t>(t * d + c)];
      }
      for (index_t c = 0; c < d; ++c)
        expected[static_cast<std::size_t>(c)] += act(a) * b * out[static_cast<std::size_t>(u * d + c)];
    }
    for (index_t c = 0; c < d; ++c)
      difference = std::fmax(difference,
                             std::abs(expected[static_cast<std::size_t>(c)] - y[static_cast<std::size_t>(t * d + c)]));
  }
  return difference;
}

}  // namespace

TEST_CASE("moe/body/gated: W_out' (act(W_gate x) * (W_up x))") {
  CHECK(worst<swiglu_expert>(silu_of) < 1e-13);
  CHECK(worst<geglu_expert>(gelu_of) < 1e-3);  // GPT-2's approximation of gelu
  CHECK(worst<reglu_expert>([](double a) { return a > 0 ? a : 0; }) < 1e-13);
}

TEST_CASE("moe/body/gated: every gradient of a model with gated experts, routed and local, in a pool for all layers") {
  auto model = gmoe_test::small_model<with<smoe_card, swiglu_expert, global_pool, local_expert>>();
  gmoe_test::randomise(model);
  const auto report = gmoe_test::differences(model, gmoe_test::text(2, 5, 11), true);
  INFO(report.where, ": ", report.analytic, " by the tape, ", report.numeric, " by differences");
  CHECK(report.worst < 1e-6);
}

TEST_CASE("moe/body/gated: three matrices per expert are counted") {
  const sizes s = gmoe_test::small_sizes();
  CHECK(cost_of<with<smoe_card, swiglu_expert>>(s).experts == 3 * 4 * 3 * 12 * 8);
  CHECK(cost_of<smoe_card>(s).experts == 2 * 4 * 3 * 12 * 8);
}
