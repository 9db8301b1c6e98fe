// A router of two levels over groups of experts that differ in width: first the group, then the expert in it.
#include "breadth/check.hpp"
#include "gmoe/ops/groups.hpp"
#include "gmoe/ops/reshape.hpp"

using namespace gmoe;

namespace {

/// The first half of the experts is narrow, the others are wide.
struct two_widths {
  using slot = slots::experts;
  index_t total(const sizes& s, index_t) const { return s.experts; }
  std::vector<id_type> visible(const sizes& s, index_t) const {
    std::vector<id_type> all;
    for (index_t e = 0; e < s.experts; ++e) all.push_back(static_cast<id_type>(e));
    return all;
  }
  index_t width(const sizes& s, index_t e) const { return e < s.experts / 2 ? s.d_ff / 2 : s.d_ff; }
};

/// p = p(group) p(expert in the group); logits of G groups, then of N experts.
struct own_two_level_score {
  using slot = slots::score;
  index_t groups = 2;
  static constexpr auto fields =
      std::tuple{field{"groups", &own_two_level_score::groups, "groups of experts", at_least(1)}};

  index_t columns(index_t experts) const { return groups + experts; }
  template <class B>
  variable<B> scores(const place<B>&, const routing<B>& r) const {
    const index_t n = r.experts / groups;
    const variable<B> group = softmax_rows(columns_of(r.logits, 0, groups)),
                      z = columns_of(r.logits, groups, r.experts);
    const variable<B> within = exp(subtract(z, group_repeat(group_log_sum_exp(z, n), n)));
    return multiply(group_repeat(group, n), within);
  }
};

}  // namespace

TEST_CASE("breadth/two_levels: gradients, scores that sum to one, and experts of two widths") {
  using card = with<smoe_card, two_widths, own_two_level_score>;
  for (const auto& r : gmoe_test::check_gradients_of<card>().routings) {
    CHECK(r.logits.cols() == 6);
    const auto p = r.scores.value().to_host();
    for (std::size_t t = 0; t < p.size(); t += 4)
      CHECK(p[t] + p[t + 1] + p[t + 2] + p[t + 3] == doctest::Approx(1).epsilon(1e-12));
  }
  language_model<card, gmoe_test::model_backend> model(gmoe_test::small_sizes());
  CHECK(model.moe().widths() == std::vector<index_t>{6, 6, 12, 12});
  CHECK(gmoe_test::named(model, "experts.w_in").rows() == 36);
}
