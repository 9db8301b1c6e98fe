#include "gmoe/analysis/expert_work.hpp"

#include <doctest/doctest.h>

#include <memory>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/model/accounting.hpp"
#include "moe_checks.hpp"

using namespace gmoe;
using B = gmoe_test::model_backend;

TEST_CASE("analysis/expert_work: pairs times widths, by token and by home") {
  const auto pool = std::make_shared<seen_experts>();
  pool->ids = {0, 1, 2};
  pool->widths = {2, 3, 10};
  pool->homes = {0, 1, 0};
  findings<B> pass;
  pass.routings.resize(2);
  for (auto& r : pass.routings) r.pool = pool;
  pass.routings[0].kept = id_matrix<B>::from_host(std::vector<id_type>{0, 1, 2, no_choice}, 2, 2);
  pass.routings[1].kept = id_matrix<B>::from_host(std::vector<id_type>{1, 1}, 2, 1);
  const expert_work work = measure_work(pass);
  CHECK(work.units_per_token == doctest::Approx((2 + 3 + 10) / 2.0 + (3 + 3) / 2.0));
  CHECK(work.homes == std::vector<double>{12, 9});
  CHECK(work.overload() == doctest::Approx(12 / 10.5));
  pass.routings.clear();
  CHECK_THROWS_WITH_AS(measure_work(pass), "expert_work: no expert has computed anything for any token", data_error);
}

TEST_CASE("analysis/expert_work: even routing meets as many parameters as accounting expects") {
  // Eight tokens ask eight experts of different widths in turn, two each.
  using card = with<smoe_card, heterogeneous<layer_pool>>;
  sizes s = gmoe_test::small_sizes();
  s.experts = 8;
  language_model<card, B> model(s);
  auto found = gmoe_test::losses_of(model, gmoe_test::text(2, 4, s.vocab), false).found;
  std::vector<id_type> even;
  for (id_type t = 0; t < 8; ++t) even.insert(even.end(), {t, static_cast<id_type>((t + 3) % 8)});
  for (auto& r : found.routings) r.kept = id_matrix<B>::from_host(even, 8, 2);
  const double expert_parameters = measure_work(found).units_per_token * 2 * static_cast<double>(s.d_model);
  sizes equal = s;
  equal.experts = 1;
  const index_t others = cost_of<with<smoe_card, no_block>>(equal).active - 3 * 2 * s.d_model * s.d_ff;
  CHECK(static_cast<double>(cost_of<card>(s).active - others) == doctest::Approx(expert_parameters));
}
