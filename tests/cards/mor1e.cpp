// Adapters of rank 1, weighed by the token and by what was read of its sequence.
#include "cards/mor1e.hpp"

#include "cards/choosing.hpp"

using namespace gmoe_test;

namespace {
using intuitive_backend = GMOE_TEST_BACKEND<double>;

mor1e_equations of_model(const card_case& c, mor1e_equations e = {}) {
  const auto model = model_of<intuitive_backend>(c);
  e.centroids = buffers_of(*model, ".centroids");
  e.experts = e.k = static_cast<std::size_t>(c.shape.experts);
  return e;
}
/// What entered the mixture of block 0.
struct first_inputs : gmoe::observer<intuitive_backend> {
  std::vector<double> x;
  void see(std::string_view what, index_t block, const gmoe::matrix<intuitive_backend>& v) override {
    if (what == "moe_in" && block == 0) x = v.to_host();
  }
};
}  // namespace

TEST_CASE("cards/mor1e: its equations, differences, reading, reach, padding") {
  card_case c{.card = "mor1e"};
  check_equations(c, of_model(c));
  c.set = {{"router.clusters", "1"}, {"body.rank", "2"}, {"body.from", "-1"}};
  c.shape.experts = 3;
  mor1e_equations other;
  other.rank = 2;
  check_equations(c, of_model(c, other));
  c.set[0].second = "7";
  c.training = false;
  check_equations(c, of_model(c, other));
  check_reading(c);
  card_case small{.card = "mor1e", .set = {{"body.from", "-1"}, {"router.clusters", "2"}}, .batch = 1, .sequence = 4};
  small.shape.layers = 1;
  small.shape.vocab = 8;
  small.shape.d_model = 4;
  small.shape.d_ff = 3;
  check_gradients(small);
  const auto model = model_of<intuitive_backend>(small);
  for (const bool training : {true, false}) {
    CHECK(gmoe::check_causality(*model, 6, training).measured == gmoe::reach::past);
    check_padding(*model, training);
  }
  CHECK(card_of(small).reach(true).how == gmoe::reach::past);
  CHECK(refusal({.card = "mor1e", .set = {{"router.clusters", "0"}}}) == "router.clusters is 0, expected at least 1");
  CHECK_THROWS_WITH_AS(card_of({.card = "mor1e", .set = {{"router.rate", "1.5"}}}),
                       "router.rate is 1.5, expected [0, 1]", gmoe::config_error);
}

TEST_CASE("cards/mor1e: without the kind of text it is molora of rank 1") {
  const card_case c{.card = "mor1e"};
  const auto model = model_of<intuitive_backend>(c);
  const auto plain = model_of<intuitive_backend>({.card = "molora", .set = {{"body.rank", "1"}}});
  const card_case low{.card = "molora", .set = {{"body.rank", "1"}}};
  // 4 columns more of the gate, and 4 centroids.
  CHECK(card_of(c).cost(c.shape).multiply_adds - card_of(low).cost(c.shape).multiply_adds ==
        c.shape.layers * 4 * (c.shape.experts + c.shape.d_model));
  const text t(c.batch, c.sequence, c.shape.vocab);
  const auto d = static_cast<std::size_t>(c.shape.d_model);
  const auto loss_of = [&](const auto& m) { return losses_of(*m, t, true).total.value().item(); };
  for (const double share : {1.0, 0.0}) {  // of the columns for clusters
    for (index_t l = 0; l < c.shape.layers; ++l) {
      const std::string name = "router." + std::to_string(l) + ".gate";
      auto& gate = named(*model, name).value();
      auto whole = gate.to_host();
      std::vector<double> of_token;
      for (std::size_t i = 0; i < whole.size(); ++i)
        if (i % (d + 4) < d)
          of_token.push_back(whole[i]);
        else
          whole[i] *= share;
      gate = gmoe::matrix<intuitive_backend>::from_host(whole, gate.rows(), gate.cols());
      auto& other = named(*plain, name).value();
      other = gmoe::matrix<intuitive_backend>::from_host(of_token, other.rows(), other.cols());
    }
    if (share == 1)
      CHECK(std::abs(loss_of(model) - loss_of(plain)) > 1e-6);
    else
      CHECK(loss_of(model) == doctest::Approx(loss_of(plain)).epsilon(1e-12));
  }
}

TEST_CASE("cards/mor1e: centroids follow what was read, each by the texts that are most like it") {
  card_case c{.card = "mor1e", .set = {{"router.clusters", "3"}, {"router.rate", "0.25"}}, .batch = 7, .sequence = 2};
  c.shape.layers = 1;
  const auto model = model_of<intuitive_backend>(c);
  const text t(c.batch, c.sequence, c.shape.vocab);
  const std::size_t d = static_cast<std::size_t>(c.shape.d_model), s = static_cast<std::size_t>(c.sequence);
  first_inputs seen;
  gmoe::context<intuitive_backend> ctx;
  ctx.training = true;
  ctx.observer = &seen;
  // Centroids that are first tokens, of which each is most like itself.
  model->loss(ctx, t.on<intuitive_backend>(c.shape.vocab));
  std::vector<double> firsts;
  for (std::size_t k = 0; k < 3; ++k) {
    const auto row = seen.x.begin() + static_cast<std::ptrdiff_t>(k * s * d);
    firsts.insert(firsts.end(), row, row + static_cast<std::ptrdiff_t>(d));
  }
  model->each_buffer([&](gmoe::buffer<intuitive_backend>& b) {
    b.value() = gmoe::matrix<intuitive_backend>::from_host(firsts, 3, c.shape.d_model);
  });
  gmoe::step_statistics<intuitive_backend> heard;
  heard.add(model->loss(ctx, t.on<intuitive_backend>(c.shape.vocab)).found);
  std::vector<double> expected = buffers_of(*model, ".centroids").at(0), sums(3 * d), counts(3), mean(d);
  for (std::size_t row = 0; row < seen.x.size() / d; ++row) {
    std::vector<double> alike(3);
    for (std::size_t j = 0; j < d; ++j) {
      const double sum = (row % s == 0 ? 0 : mean[j] * static_cast<double>(row % s)) + seen.x[row * d + j];
      mean[j] = sum / static_cast<double>(row % s + 1);
    }
    for (std::size_t k = 0; k < 3; ++k) {
      double own = 0;
      for (std::size_t j = 0; j < d; ++j) {
        alike[k] += mean[j] * expected[k * d + j];
        own += expected[k * d + j] * expected[k * d + j];
      }
      alike[k] /= std::sqrt(own);
    }
    const auto k = static_cast<std::size_t>(std::max_element(alike.begin(), alike.end()) - alike.begin());
    ++counts[k];
    for (std::size_t j = 0; j < d; ++j) sums[k * d + j] += mean[j];
  }
  CHECK(std::count(counts.begin(), counts.end(), 0.0) < 2);  // several have texts
  for (std::size_t i = 0; i < expected.size(); ++i)
    if (counts[i / d] > 0) expected[i] += 0.25 * (sums[i] / counts[i / d] - expected[i]);
  model->after_step(0, heard);
  const std::vector<double> moved = buffers_of(*model, ".centroids").at(0);
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(moved[i] == doctest::Approx(expected[i]).epsilon(1e-12));
}
