#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "backends.hpp"
#include "gmoe/train/adamw.hpp"
#include "gmoe/train/clip.hpp"
#include "gmoe/train/recipe.hpp"
#include "gmoe/train/schedule.hpp"

using doubles = GMOE_TEST_BACKEND<double>;

TEST_CASE("train/adamw: equals the formulas element by element over several steps, decays without a gradient") {
  const std::vector<double> start{0.5, -1.0, 2.0, 0.0, 3.0};
  gmoe::parameter<doubles> a("a", gmoe::matrix<doubles>::from_host(start, 1, 5)),
      still("still", gmoe::matrix<doubles>::filled(2, 2, 4.0));
  gmoe::adamw<doubles> optimizer({&a, &still}, {.weight_decay = 0.1});
  std::vector<double> p = start, m(5), v(5);
  double untouched = 4.0;
  for (int t = 1; t <= 4; ++t) {
    const double lr = 0.01 * t, scale = 1.0 / t;
    std::vector<double> g(5);
    for (int i = 0; i < 5; ++i) g[i] = std::sin(t * 1.3 + i);
    doubles::upload(a.gradient().data(), g.data(), 5 * sizeof(double));
    optimizer.step(lr, scale);
    for (int i = 0; i < 5; ++i) {
      const double gi = g[i] * scale;
      p[i] *= 1 - lr * 0.1;
      m[i] = 0.9 * m[i] + 0.1 * gi;
      v[i] = 0.95 * v[i] + 0.05 * gi * gi;
      p[i] -= lr / (1 - std::pow(0.9, t)) * m[i] / (std::sqrt(v[i]) / std::sqrt(1 - std::pow(0.95, t)) + 1e-8);
    }
    untouched *= 1 - lr * 0.1;
    const auto now = a.value().to_host();
    for (int i = 0; i < 5; ++i) CHECK(now[i] == doctest::Approx(p[i]).epsilon(1e-13));
    CHECK_FALSE(a.has_gradient());
    for (double x : a.gradient().to_host()) CHECK(x == 0.0);
    CHECK(still.value().to_host()[3] == doctest::Approx(untouched).epsilon(1e-14));
  }
  CHECK(optimizer.steps() == 4);
}

TEST_CASE("train/adamw: the decay can depend on the parameter's name") {
  gmoe::parameter<doubles> weight("h.0.weight", gmoe::matrix<doubles>::filled(1, 1, 1.0)),
      bias("h.0.bias", gmoe::matrix<doubles>::filled(1, 1, 1.0));
  gmoe::adamw<doubles> optimizer({&weight, &bias},
                                 {.decay_of = [](const std::string& n) { return n.ends_with("bias") ? 0.0 : 0.5; }});
  optimizer.step(0.1);
  CHECK(weight.value().item() == doctest::Approx(0.95));
  CHECK(bias.value().item() == 1.0);
}

TEST_CASE("train/adamw: a parameter that is not trained stays as it is, without decay, and goes on where it was") {
  gmoe::parameter<doubles> p("p", gmoe::matrix<doubles>::filled(1, 1, 1.0));
  gmoe::adamw<doubles> optimizer({&p}, {.weight_decay = 0.5});
  p.set_trained(false);
  optimizer.step(0.1);
  CHECK(p.value().item() == 1.0);
  p.set_trained(true);
  optimizer.step(0.1);
  CHECK(p.value().item() == doctest::Approx(0.95));
}

TEST_CASE("train/adamw: moments of rows that begin anew are zero, in a step and for whoever looks at them") {
  gmoe::parameter<doubles> p("p", gmoe::matrix<doubles>::filled(3, 2, 1.0));
  gmoe::adamw<doubles> optimizer({&p}, {.weight_decay = 0});
  std::vector<double> value(6, 1.0), m(6), v(6);
  const auto step = [&](int t) {
    std::vector<double> g(6);
    for (int i = 0; i < 6; ++i) g[i] = std::cos(t + i);
    doubles::upload(p.gradient().data(), g.data(), 6 * sizeof(double));
    optimizer.step(0.1);
    for (int i = 0; i < 6; ++i) {
      m[i] = 0.9 * m[i] + 0.1 * g[i];
      v[i] = 0.95 * v[i] + 0.05 * g[i] * g[i];
      value[i] -= 0.1 / (1 - std::pow(0.9, t)) * m[i] / (std::sqrt(v[i]) / std::sqrt(1 - std::pow(0.95, t)) + 1e-8);
    }
    const auto now = p.value().to_host();
    for (int i = 0; i < 6; ++i) CHECK(now[i] == doctest::Approx(value[i]).epsilon(1e-13));
  };
  const auto forget = [&](const std::vector<gmoe::index_t>& rows) {
    p.forget_moments(rows);
    for (const auto r : rows) m[2 * r] = m[2 * r + 1] = v[2 * r] = v[2 * r + 1] = 0;
  };
  step(1);
  forget({2, 0});
  forget({2});
  step(2);
  step(3);
  forget({1});
  optimizer.each_moment([&](const std::string&, const auto& first, const auto& second) {
    const auto a = first.to_host(), b = second.to_host();
    for (int i = 0; i < 6; ++i) {
      CHECK(a[i] == doctest::Approx(m[i]).epsilon(1e-13));
      CHECK(b[i] == doctest::Approx(v[i]).epsilon(1e-13));
    }
    CHECK(a[2] == 0);
    CHECK(a[0] != 0);
  });
  step(4);
  CHECK_THROWS_WITH_AS(p.forget_moments(std::vector<gmoe::index_t>{3}),
                       "p has rows 0 to 2, but the moments of row 3 are to be forgotten", gmoe::config_error);
}

TEST_CASE("train/clip: norm over all parameters, factor 1 below the limit") {
  gmoe::parameter<doubles> a("a", gmoe::matrix<doubles>::filled(1, 1, 0.0)),
      b("b", gmoe::matrix<doubles>::filled(1, 2, 0.0));
  const double ga = 3, gb[] = {0, 4};
  doubles::upload(a.gradient().data(), &ga, sizeof ga);
  doubles::upload(b.gradient().data(), gb, sizeof gb);
  CHECK(gmoe::global_norm<doubles>({&a, &b}) == doctest::Approx(5));
  CHECK(gmoe::clipping_factor(5, 1) == doctest::Approx(1 / 5.000001));
  CHECK(gmoe::clipping_factor(0.5, 1) == 1.0);
}

TEST_CASE("train/schedule: warm-up from zero, then half a cosine to the floor, constant beyond") {
  const gmoe::cosine_schedule s{.peak = 2, .warmup = 4, .total = 12, .floor = 0.1};
  CHECK(s(0) == 0);
  CHECK(s(1) == doctest::Approx(0.5));
  CHECK(s(4) == doctest::Approx(2));
  CHECK(s(8) == doctest::Approx(2 * 0.55));
  CHECK(s(12) == doctest::Approx(0.2));
  CHECK(s(100) == doctest::Approx(0.2));
  const gmoe::cosine_schedule reference{.peak = 3e-4, .warmup = 1, .total = 10};
  for (int t = 1; t < 5; ++t)
    CHECK(reference(t) == doctest::Approx(3e-4 * 0.5 * (1 + std::cos(std::numbers::pi * (t - 1) / 9.0))));
  CHECK(gmoe::cosine_schedule{.peak = 1, .warmup = 5, .total = 5}(5) == doctest::Approx(1));
}

TEST_CASE("train/recipe: numbers that make no sense are named") {
  const auto message = [](gmoe::recipe r) {
    try {
      gmoe::check_recipe(r);
    } catch (const gmoe::config_error& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  CHECK(message({}) == "no error");
  CHECK(message({.batch = 0}) == "batch is 0, expected at least 1");
  CHECK(message({.sequence = -3}) == "sequence is -3, expected at least 1");
  CHECK(message({.accumulation = 0}) == "accumulation is 0, expected at least 1");
  CHECK(message({.learning_rate = 0}) == "learning_rate is 0, expected a positive number");
  CHECK(message({.learning_rate = std::nan("")}).starts_with("learning_rate is nan"));
  CHECK(message({.warmup_fraction = 1.5}) == "warmup_fraction is 1.5, expected [0, 1]");
  CHECK(message({.beta1 = 1}).starts_with("beta1 is 1, expected [0, 1)"));
  CHECK(message({.steps = -1}) == "steps is -1, expected 0 or more");
}
