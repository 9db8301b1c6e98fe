// More and more experts may be asked: one at first, all after so many steps.
#include "breadth/check.hpp"

using namespace gmoe;

namespace {

struct growing {
  using slot = slots::candidates;
  index_t steps = 100;
  static constexpr auto fields = std::tuple{field{"steps", &growing::steps, "until all may be asked", at_least(1)}};

  template <class B>
  matrix<B> mask(const place<B>& at, const routing<B>& r) const {
    std::vector<typename B::scalar> open(static_cast<std::size_t>(r.experts));
    for (index_t e = 0; e < r.experts; ++e)
      open[static_cast<std::size_t>(e)] = e * steps <= at.step * (r.experts - 1) ? 1 : 0;
    return matrix<B>::from_host(open, 1, r.experts);
  }
};

using growing_card = with<smoe_card, growing>;

/// The experts that are asked at a step.
std::set<id_type> asked(const language_model<growing_card, gmoe_test::model_backend>& model, std::int64_t step) {
  context<gmoe_test::model_backend> ctx{.training = true, .step = step};
  const auto found = model.loss(ctx, gmoe_test::text(2, 5, 11).on<gmoe_test::model_backend>(11)).found;
  std::set<id_type> all;
  for (const auto& r : found.routings) {
    for (const id_type e : r.chosen.to_host()) all.insert(e);
    const auto p = r.scores.value().to_host();
    for (std::size_t t = 0; t < p.size(); t += 4)
      CHECK(p[t] + p[t + 1] + p[t + 2] + p[t + 3] == doctest::Approx(1).epsilon(1e-12));
  }
  return all;
}

}  // namespace

TEST_CASE("breadth/scheduled_candidates: gradients, and who may be asked grows with the step") {
  gmoe_test::check_gradients_of<growing_card>();
  language_model<growing_card, gmoe_test::model_backend> model(gmoe_test::small_sizes());
  gmoe_test::randomise(model);
  CHECK(asked(model, 0) == std::set<id_type>{no_choice, 0});
  CHECK(asked(model, 40) == std::set<id_type>{0, 1});
  CHECK(asked(model, 100) == std::set<id_type>{0, 1, 2, 3});
}
