// Sequences of unequal length in one batch: what is padding changes nothing for the others.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "moe_checks.hpp"

using namespace gmoe;
using gmoe_test::text;
using B = gmoe_test::model_backend;

TEST_CASE("model/padding: it neither competes for room in experts nor enters losses and statistics") {
  const auto model = gmoe_test::small_model("switch");
  gmoe_test::randomise(*model);
  const auto dropped = [&](const text& t) { return gmoe_test::dropped(gmoe_test::losses_of(*model, t, true).found); };
  REQUIRE(dropped(text(1, 3, model->shape().vocab)) > 0);  // capacity matters even here
  for (const bool training : {true, false}) gmoe_test::check_padding(*model, training);
}

TEST_CASE("model/padding: in evaluation sequences of three lengths are what each of them is alone") {
  const auto model = gmoe_test::small_model("switch");
  gmoe_test::randomise(*model);
  const index_t vocab = model->shape().vocab;
  const std::vector<index_t> lengths{2, 5, 1};
  const text t(3, 5, vocab);
  const auto logits_of = [&](std::span<const id_type> ids, index_t sequences, std::span<const index_t> of) {
    batch<B> data;
    data.assign(ids, {}, sequences, vocab, of);
    return model->logits({}, model->hidden(any_model<B>::reading({}, data))).value().to_host();
  };
  const auto together = logits_of(t.tokens, 3, lengths);
  for (std::size_t b = 0; b < 3; ++b) {
    const auto length = static_cast<std::size_t>(lengths[b]);
    const auto alone = logits_of(std::span(t.tokens).subspan(5 * b, length), 1, {});
    double worst = 0;
    for (std::size_t i = 0; i < alone.size(); ++i)
      worst = std::fmax(worst, std::abs(alone[i] - together[5 * b * static_cast<std::size_t>(vocab) + i]));
    CHECK(worst < 1e-12);
  }
}
