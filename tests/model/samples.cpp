// What a sample draws at random follows from its number in the step, not from how the step is cut into passes.
#include <doctest/doctest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gmoe/moe/router/jittered.hpp"
#include "moe_checks.hpp"

using namespace gmoe;
using B = gmoe_test::model_backend;

namespace {

using noisy_card = with<gshard_card, jittered<linear_router>>;

/// Every draw of a step of four samples, by name and block, computed `batch` samples at a time.
std::map<std::string, std::vector<double>> draws(const language_model<noisy_card, B>& model, index_t batch) {
  struct recorder : observer<B> {
    std::map<std::string, std::vector<double>> drawn;
    void see(std::string_view, index_t, const matrix<B>&) override {}
    void see_draw(std::string_view what, index_t block, const matrix<B>& value) override {
      auto& all = drawn[std::string(what) + std::to_string(block)];
      for (const double v : value.to_host()) all.push_back(v);
    }
  } seen;
  const gmoe_test::text t(4, 5, model.shape().vocab);
  for (index_t first = 0; first < 4; first += batch) {
    context<B> ctx;
    ctx.training = true;
    ctx.random = gmoe_test::step_random;
    ctx.first_sample = first;
    ctx.observer = &seen;
    gmoe::batch<B> data;
    const auto of = [&](const std::vector<id_type>& ids) {
      return std::span(ids).subspan(static_cast<std::size_t>(first * 5), static_cast<std::size_t>(batch * 5));
    };
    data.assign(of(t.tokens), of(t.targets), batch, model.shape().vocab);
    model.loss(ctx, data);
  }
  return seen.drawn;
}

}  // namespace

TEST_CASE("model/samples: four samples draw the same in one pass, in two and in four") {
  sizes s = gmoe_test::small_sizes();
  s.d_model = 9;  // no multiple of four: samples begin within the words of a counter
  s.heads = 3;
  s.dropout = 0.3;
  const language_model<noisy_card, B> model(s);
  const auto together = draws(model, 4);
  // The embedding's mask; in three blocks two of attention; where there is a mixture noise and second choices.
  REQUIRE(together.count("embeddings_mask-1") == 1);
  CHECK(together.at("embeddings_mask-1").size() == 4 * 5 * 9);
  CHECK(together.at("attention_mask2").size() == 4 * 3 * 5 * 5);
  CHECK(together.at("router_noise0").size() == 4 * 5 * 9);
  CHECK(together.at("second_choice_draw0").size() == 4 * 5);
  CHECK(draws(model, 2) == together);
  CHECK(draws(model, 1) == together);
}
