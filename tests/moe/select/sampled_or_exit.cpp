#include "gmoe/moe/select/sampled_or_exit.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

/// Choices from scores of two experts and the exit's share, T x 3.
template <class B>
std::vector<id_type> draw_or_leave(const sampled_or_exit& select, const table& shares, const context<B>& ctx) {
  table scores(shares.rows, 2), exit(shares.rows, 1);
  for (index_t t = 0; t < shares.rows; ++t) {
    for (index_t e = 0; e < 2; ++e) scores(t, e) = shares(t, e);
    exit(t, 0) = shares(t, 2);
  }
  const routing<B> r = routing_of<B>(scores, std::vector<id_type>(static_cast<std::size_t>(shares.rows), no_choice));
  r.note("exit", variable<B>(put<B>(exit)));
  return policy_alone<B, sampled_or_exit>(select).ask(hooks::choose{}, ctx, r).to_host();
}

}  // namespace

TEST_CASE_TEMPLATE("moe/select/sampled_or_exit: what is sure is chosen, and nobody where nothing is left", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  const id_type no = no_choice;
  const table sure(4, 3, {0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0});
  for (const bool draws : {true, false})
    CHECK(draw_or_leave<B>({draws}, sure, context<B>{}) == std::vector<id_type>{1, no, no, 0});
  const table unsure(4, 3, {0.3, 0.4, 0.3, 0.4, 0.4, 0.2, 0.3, 0.3, 0.4, 0.4, 0.2, 0.4});
  CHECK(draw_or_leave<B>({false}, unsure, context<B>{}) == std::vector<id_type>{1, 0, no, 0});
  CHECK(sampled_or_exit{}.at_most({}) == 1);
}

TEST_CASE_TEMPLATE("moe/select/sampled_or_exit: shares are frequencies, in training whatever the number says", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  const index_t rows = 4000;
  table shares(rows, 3);
  for (index_t t = 0; t < rows; ++t) {
    shares(t, 0) = 0.2;
    shares(t, 1) = 0.3;
    shares(t, 2) = 0.5;
  }
  for (const bool training : {true, false}) {
    context<B> ctx = training_context<B>(3);
    ctx.training = training;
    const auto chosen = draw_or_leave<B>({!training}, shares, ctx);
    CHECK(std::count(chosen.begin(), chosen.end(), 0) == doctest::Approx(0.2 * rows).epsilon(0.1));
    CHECK(std::count(chosen.begin(), chosen.end(), 1) == doctest::Approx(0.3 * rows).epsilon(0.1));
    CHECK(std::count(chosen.begin(), chosen.end(), no_choice) == doctest::Approx(0.5 * rows).epsilon(0.1));
  }
}
