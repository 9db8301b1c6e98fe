#include "gmoe/analysis/latent_experts.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "gmoe/moe/body/gated.hpp"
#include "gmoe/moe/body/latent.hpp"
#include "gmoe/moe/kept.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;

namespace {

using latent_backend = GMOE_TEST_BACKEND<double>;

/// Six experts of a layer with 5 hidden units each, for tokens of 4 numbers, as if a model had them.
template <class Body>
struct experts_alone {
  using backend_type = latent_backend;
  static inline const std::vector<index_t> widths = std::vector<index_t>(6, 5);
  Body body;
  typename Body::template weights<latent_backend> weights;

  explicit experts_alone(const Body& b = {}, std::uint64_t seed = 1)
      : body(b),
        weights(b.make_weights(builder<latent_backend>(seed).scope("experts"),
                               pool_shape{.widths = widths, .d_model = 4, .initializer_range = 0.7, .of_a_layer = 6})) {
  }
  void each_parameter(auto&& visit) {
    kept_list<latent_backend> all;
    walk(weights, all);
    for (parameter<latent_backend>* p : all.parameters) visit(*p);
  }
  parameter<latent_backend>& named(std::string_view name) {
    parameter<latent_backend>* found = nullptr;
    each_parameter([&](parameter<latent_backend>& p) {
      if (p.name() == name) found = &p;
    });
    REQUIRE(found);
    return *found;
  }
  /// What three tokens get of two experts each; nobody asks expert 1.
  std::vector<double> operator()() const {
    routing<latent_backend> r;
    r.experts = 6;
    auto ids = std::make_shared<std::vector<id_type>>(6);
    std::iota(ids->begin(), ids->end(), id_type{0});
    r.visible = ids;
    r.chosen = r.kept = gmoe_test::put_ids<latent_backend>({0, 5, 4, 2, 3, gmoe_test::none}, 3, 2);
    r.weights = variable<latent_backend>(matrix<latent_backend>::from_host(std::vector{.3, .7, .6, .4, 1., 9.}, 3, 2));
    r.pairs = sort_by_expert(r.kept, 6);
    const context<latent_backend> ctx;
    const layer_shape shape{};
    const struct { const typename Body::template weights<latent_backend>& weights; } my{weights};
    const auto x = gmoe_test::random_table(3, 4, 5);
    return body(place<latent_backend>{ctx, shape}, variable<latent_backend>(gmoe_test::put<latent_backend>(x)), r, my)
        .value()
        .to_host();
  }
};
using whole_experts = experts_alone<swiglu_expert>;
using latent_experts = experts_alone<latent_expert<fn::silu>>;

double furthest(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::fmax(worst, std::abs(a[i] - b[i]));
  return worst;
}

}  // namespace

TEST_CASE("analysis/latent_experts: a projection that is the identity leaves gated experts") {
  whole_experts whole;
  latent_experts latent({.rank = 4});
  latent.named("experts.a_gate").value() = whole.named("experts.w_gate").value().clone();
  latent.named("experts.a_up").value() = whole.named("experts.w_up").value().clone();
  latent.named("experts.w_out").value() = whole.named("experts.w_out").value().clone();
  std::vector<double> identity(16);
  for (std::size_t i = 0; i < 4; ++i) identity[5 * i] = 1;
  for (const char* b : {"experts.b_gate", "experts.b_up"})
    latent.named(b).value() = matrix<latent_backend>::from_host(identity, 4, 4);
  CHECK(furthest(whole(), latent()) < 1e-14);
}

TEST_CASE("analysis/latent_experts: full rank says the same, in one group or several, less rank loses some") {
  whole_experts whole({}, 3);
  for (const index_t group : {0, 3, 2, 1}) {
    CAPTURE(group);
    latent_experts latent({.rank = 4, .group = group}, 4);
    CHECK(furthest(whole(), latent()) > 1e-3);
    CHECK(latent_from(whole, latent).lost < 1e-28);
    CHECK(furthest(whole(), latent()) < 1e-12);
  }
  // More rank than there is, and a stack of less rank than the projection has rows.
  latent_experts more({.rank = 6, .group = 1});
  CHECK(latent_from(whole, more).lost < 1e-28);
  CHECK(furthest(whole(), more()) < 1e-12);

  double before = 1;
  for (const index_t rank : {1, 2, 3}) {
    latent_experts narrow({.rank = rank}, 4);
    const double lost = latent_from(whole, narrow).lost;
    CHECK(lost < before);
    CHECK(lost > 0.01);
    before = lost;
    // What is lost, by the matrices themselves.
    double squares = 0, all = 0;
    for (const std::string kind : {"gate", "up"}) {
      const auto w = whole.named("experts.w_" + kind).value().to_host(),
                 a = narrow.named("experts.a_" + kind).value().to_host(),
                 b = narrow.named("experts.b_" + kind).value().to_host();
      const auto r = static_cast<std::size_t>(rank);
      for (std::size_t i = 0; i < 30; ++i)
        for (std::size_t j = 0; j < 4; ++j) {
          double near = 0;
          for (std::size_t k = 0; k < r; ++k) near += a[i * r + k] * b[k * 4 + j];
          squares += (w[i * 4 + j] - near) * (w[i * 4 + j] - near);
          all += w[i * 4 + j] * w[i * 4 + j];
        }
    }
    CHECK(lost == doctest::Approx(squares / all));
  }
}

TEST_CASE("analysis/latent_experts: models that do not fit, and weights that are not finite") {
  whole_experts whole;
  latent_experts latent({.rank = 2});
  CHECK(gmoe_test::refusal([&] { latent_from(latent, latent); }) ==
        "latent_from: the trained model has no parameter 'experts.w_gate'");
  CHECK(gmoe_test::refusal([&] { latent_from(whole, whole); }) ==
        "latent_from: the latent model has no parameter 'experts.b_gate'");
  whole.named("experts.w_up").value() = matrix<latent_backend>::filled(30, 4, std::numeric_limits<double>::infinity());
  CHECK(gmoe_test::refusal([&] { latent_from(whole, latent); }) ==
        "factor: a matrix of 30 x 4 with a number that is not finite");
}
