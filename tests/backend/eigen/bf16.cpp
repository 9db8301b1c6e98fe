#include "gmoe/backend/bf16.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "backends.hpp"
#include "docs/mixed.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/train/trainer.hpp"
#include "naive.hpp"

using namespace gmoe;
using namespace gmoe_test;
using mixed = cpu<float, bf16_products>;

namespace {

table rounded(table t, double factor = 1) {
  for (double& x : t.values)
    x = eigen::bf16_value(eigen::bf16_bits(static_cast<float>(factor) * static_cast<float>(x)));
  return t;
}

void check_product(op op_a, op op_b, index_t m, index_t n, index_t k, double alpha, double beta) {
  CAPTURE(m);
  CAPTURE(n);
  CAPTURE(k);
  CAPTURE(static_cast<int>(op_a));
  CAPTURE(static_cast<int>(op_b));
  CAPTURE(alpha);
  CAPTURE(beta);
  const table a = op_a == op::none ? random_table(m, k, 1) : random_table(k, m, 1);
  const table b = op_b == op::none ? random_table(k, n, 2) : random_table(n, k, 2);
  const table c = beta == 0 ? table(m, n, not_a_number) : random_table(m, n, 3);
  const framed<mixed> fa(a), fb(b);
  const table expected = bf16_products::covers(m, n, k) ? product(op_a, op_b, 1, rounded(a, alpha), rounded(b), beta, c)
                                                        : product(op_a, op_b, alpha, a, b, beta, c);
  with_threads<mixed>([&] {
    framed<mixed> fc(c);
    mixed::gemm(op_a, op_b, static_cast<float>(alpha), fa.in(), fb.in(), static_cast<float>(beta), fc.view());
    CHECK(difference(fc.inner(), expected) < 1e-5);
    CHECK(fc.border_untouched());
  });
}

/// A text in which the next letter mostly follows from the last.
std::vector<id_type> cyclic_text(index_t count) {
  std::vector<id_type> text;
  const random_stream random(3);
  std::uint64_t at = 0;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(count); ++i) {
    at = random.uniform(i) < 0.1 ? random.below(i, 60) : (at * 7 + 3) % 60;
    text.push_back(static_cast<id_type>(at));
  }
  return text;
}

const sizes wide{.vocab = 64, .positions = 32, .d_model = 64, .layers = 2, .heads = 1, .d_ff = 128, .experts = 3};
const std::vector<id_type> text = cyclic_text(6000);

/// Of the first `count` of 120 steps.
template <class B>
std::vector<double> training_losses(std::size_t count = 120) {
  language_model<gmoe_card, B> model(wide, 7);
  trainer run(model, std::span<const id_type>(text),
              recipe{.steps = 120, .batch = 4, .sequence = 32, .learning_rate = 3e-3});
  std::vector<double> losses;
  while (losses.size() < count) losses.push_back(run.step().language_loss);
  return losses;
}

}  // namespace

TEST_CASE("backend/eigen/bf16: the nearest of 16 bits, ties to even, NaN and infinity stay") {
  using eigen::bf16_bits;
  using eigen::bf16_value;
  CHECK(bf16_bits(1.0f) == 0x3f80);
  CHECK(bf16_bits(-2.0f) == 0xc000);
  CHECK(bf16_bits(-0.0f) == 0x8000);
  const float one = 1.0f, step = 1.0f / 128;          // 8 bits of mantissa, one of them implied
  CHECK(bf16_bits(one + step / 2) == 0x3f80);         // a tie: to the even one
  CHECK(bf16_bits(one + step + step / 2) == 0x3f82);  // a tie: up to the even one
  CHECK(bf16_bits(std::nextafter(one + step / 2, 2.0f)) == 0x3f81);
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(bf16_value(bf16_bits(infinity)) == infinity);
  CHECK(bf16_value(bf16_bits(-infinity)) == -infinity);
  CHECK(bf16_value(bf16_bits(std::numeric_limits<float>::max())) == infinity);
  CHECK(std::isnan(bf16_value(bf16_bits(std::numeric_limits<float>::quiet_NaN()))));
  CHECK(std::isnan(bf16_value(bf16_bits(std::bit_cast<float>(0x7fffffffu)))));
  CHECK(std::isnan(bf16_value(bf16_bits(std::bit_cast<float>(0xff800001u)))));
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const auto x = static_cast<float>(random_stream(1).normal(i));
    CHECK(std::abs(bf16_value(bf16_bits(x)) - x) <= std::abs(x) / 256);
  }
}

TEST_CASE("backend/eigen/bf16: products equal loops over the rounded factors, small ones over the factors") {
  for (op a : {op::none, op::transpose})
    for (op b : {op::none, op::transpose})
      for (double alpha : {1.0, -0.3})
        for (double beta : {0.0, 1.0}) {
          check_product(a, b, 70, 65, 97, alpha, beta);
          check_product(a, b, 64, 128, 64, alpha, beta);
          check_product(a, b, 129, 67, 200, alpha, beta);
          check_product(a, b, 1024, 66, 65, alpha, beta);  // factors whose rows are set apart
          check_product(a, b, 65, 1024, 64, alpha, beta);
          check_product(a, b, 64, 65, 1024, alpha, beta);
          check_product(a, b, 63, 70, 80, alpha, beta);  // a side below 64: in float
          check_product(a, b, 1, 90, 80, alpha, beta);
        }
}

TEST_CASE("backend/eigen/bf16: loss and gradients of a model stay close to those of float") {
  const auto gradients = []<class B>(B) {
    language_model<gmoe_card, B> model(wide, 7);
    batch<B> data;
    data.assign(std::span(text).first(256), std::span(text).subspan(1, 256), 8, wide.vocab);
    tape<B> t;
    context<B> ctx;
    ctx.tape = &t;
    ctx.training = true;
    const auto l = model.loss(ctx, data);
    const double loss = l.total.value().item();
    t.backward(l.total);
    std::vector<double> all{loss};
    model.each_parameter([&](parameter<B>& p) {
      for (float g : p.gradient().to_host()) all.push_back(g);
    });
    return all;
  };
  const auto exact = gradients(cpu<float>{}), rough = gradients(mixed{});
  REQUIRE(exact.size() == rough.size());
  CHECK(rough[0] == doctest::Approx(exact[0]).epsilon(1e-3));
  CHECK(rough[0] != exact[0]);  // it did round
  double difference = 0, length = 0;
  for (std::size_t i = 1; i < exact.size(); ++i) {
    difference += (rough[i] - exact[i]) * (rough[i] - exact[i]);
    length += exact[i] * exact[i];
  }
  CHECK(std::sqrt(difference / length) < 0.05);
}

TEST_CASE("backend/eigen/bf16: a model learns as well as in float") {
  const auto exact = training_losses<cpu<float>>();
  auto rough = training_losses<mixed>();
  CHECK(rough[0] == doctest::Approx(exact[0]).epsilon(1e-3));
  double exact_end = 0, rough_end = 0;
  for (std::size_t i = exact.size() - 20; i < exact.size(); ++i) {
    exact_end += exact[i] / 20;
    rough_end += rough[i] / 20;
  }
  CHECK(exact_end < 0.5 * exact[0]);
  CHECK(rough_end == doctest::Approx(exact_end).epsilon(0.03));
  rough.resize(20);
  CHECK(training_losses<mixed>(20) == rough);  // bit for bit
}

TEST_CASE("backend/eigen/bf16: what the page on backends shows") {
  std::string some;
  while (some.size() < 2000) some += "in the beginning was the word, and ";
  const double loss = mixed_precision::train_in_mixed_precision(corpus::from_text(some));
  CHECK(loss > 2);
  CHECK(loss < 6);
}
