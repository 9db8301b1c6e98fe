#include "gmoe/model/causality.hpp"

#include <doctest/doctest.h>

#include <string_view>

#include "gmoe/model/generate.hpp"
#include "gmoe/model/log_likelihood.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/ops/repeat.hpp"
#include "moe_checks.hpp"

using namespace gmoe;

namespace {

/// Logits that depend on the mean of the whole batch, which the policy does not say.
struct nosy_router {
  using slot = slots::router;
  template <class B>
  struct layer {
    parameter<B> gate;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.linear("gate", l.experts, l.d_model)};
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    return matmul(add(x, repeat_rows(col_means(x), x.rows())), at.use(my.layer.gate), op::transpose);
  }
};

/// The same, which says so.
struct frank_router : nosy_router {
  static constexpr reach reaches = reach::batch;
};

/// The widest that some tokens show.
causality_report measured(auto& model, bool training) {
  gmoe_test::randomise(model);
  causality_report widest;
  for (std::uint64_t seed = 1; seed <= 12; ++seed)
    if (const causality_report r = check_causality(model, 6, training, seed); r.measured >= widest.measured) widest = r;
  return widest;
}
causality_report measured_by_name(std::string_view card, bool training = false) {
  return measured(*gmoe_test::small_model(card), training);
}

}  // namespace

TEST_CASE("model/causality: models that say so look at the past alone") {
  CHECK(measured_by_name("gmoe").measured == reach::past);
  CHECK(measured_by_name("gmoe").worst == 0);
  CHECK(measured_by_name("smoe", true).measured == reach::past);
}

TEST_CASE("model/causality: capacity drops by what others ask, in training only") {
  CHECK(measured_by_name("switch", true).measured == reach::batch);
  CHECK(measured_by_name("switch").measured == reach::past);
}

TEST_CASE("model/causality: what a policy does not say is measured") {
  auto model = gmoe_test::small_model<with<smoe_card, nosy_router>>();
  const causality_report nosy = measured(model, false);
  CHECK(nosy.measured == reach::batch);
  CHECK(nosy.worst > 1e-3);
}

TEST_CASE("model/causality: what looks further than the past in evaluation does not generate") {
  const auto model = gmoe_test::small_model<with<smoe_card, frank_router>>();
  CHECK(gmoe_test::config_message([&] { generator reader(model); }).ends_with("looks at the whole batch"));
  CHECK(gmoe_test::config_message([&] {
          log_likelihoods(model, {});
        }).ends_with("has no likelihoods of continuations: its answer to 'router' looks at the whole batch"));
}

TEST_CASE("model/causality: sequences that cannot be cut in two, or are too long, are refused") {
  const auto model = gmoe_test::small_model("smoe");
  CHECK(gmoe_test::config_message([&] { check_causality(*model, 1); }) ==
        "check_causality: length is 1, expected 2 to 7");
  CHECK(gmoe_test::config_message([&] { check_causality(*model, 8); }) ==
        "check_causality: length is 8, expected 2 to 7");
}
