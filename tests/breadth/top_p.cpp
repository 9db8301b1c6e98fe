// As many experts as it takes (Huang et al. 2024): the best ones until their scores sum to more than tau, and a loss on
// the entropy of the scores, so that few are needed.
#include "breadth/check.hpp"
#include "gmoe/ops/log_softmax.hpp"

using namespace gmoe;

namespace {

struct top_p {
  using slot = slots::select;
  double tau = 0.5;
  static constexpr auto fields = std::tuple{field{"tau", &top_p::tau, "the sum that is enough", between(0, 1)}};

  index_t at_most(const layer_shape& l) const { return l.experts; }
  template <class B>
  id_matrix<B> choose(const place<B>&, const routing<B>& r) const {
    return choose_top_p(r.scores.value(), tau, r.experts);
  }
};

struct own_entropy_loss {
  using slot = slots::balance;
  double beta = 0.1;
  static constexpr auto fields = std::tuple{field{"beta", &own_entropy_loss::beta, "of the entropy", at_least(0)}};

  template <class B>
  variable<B> layer_loss(const place<B>&, const routing<B>& r) const {
    return scale(sum(entropy_rows(r.scores)), beta / static_cast<double>(r.scores.rows()));
  }
};

struct own_top_p_card : with<smoe_card, top_p, own_entropy_loss> {
  static constexpr card_text text{"top-p", "Huang et al. 2024", "as many experts as the scores need"};
};

}  // namespace

TEST_CASE("breadth/top_p: gradients, and tokens differ in how many experts they take") {
  const auto found = gmoe_test::check_gradients_of<own_top_p_card>();
  for (const auto& r : found.routings) {
    const auto kept = r.kept.to_host();
    const auto scores = r.scores.value().to_host();
    const auto n = static_cast<std::size_t>(r.experts);
    for (std::size_t t = 0; t < kept.size() / n; ++t) {
      double sum = 0;
      for (std::size_t j = 0; j < n; ++j)
        if (const id_type e = kept[t * n + j]; e != no_choice) {
          CHECK(sum <= 0.5);  // the last one was needed
          sum += scores[t * n + static_cast<std::size_t>(e)];
        }
      CHECK(sum > 0.5);
    }
  }
}
