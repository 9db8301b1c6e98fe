// Experts choose tokens (Zhou et al. 2022): each takes the best of the batch. That looks at other tokens, so evaluation
// asks instead whether a score is above what the expert's last taken one had lately, a running threshold.
#include "breadth/check.hpp"
#include "gmoe/model/causality.hpp"
#include "gmoe/model/generate.hpp"

using namespace gmoe;
namespace {
struct own_expert_choice {
  using slot = slots::select;
  double factor = 2;
  static constexpr auto fields = std::tuple{field{"factor", &own_expert_choice::factor, "experts per token", above(0)}};
  static constexpr reach reaches = reach::batch, reaches_in_evaluation = reach::token;

  template <class B>
  struct layer {
    buffer<B> threshold;  // 1 x N
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.constant_buffer("threshold", 1, l.experts, 0.25)};
  }
  index_t at_most(const layer_shape& l) const { return l.experts; }
  double experts_per_token(const layer_shape&) const { return factor; }
  template <class B>
  id_matrix<B> choose(const place<B>& at, const routing<B>& r, const auto& my) const {
    const matrix<B>& p = r.scores.value();
    if (!at.training)
      return choose_above(
          subtract(variable<B>(p), repeat_rows(variable<B>(my.layer.threshold.value()), p.rows())).value(), 0,
          r.experts);
    const index_t tokens = at.valid.among(p.rows());
    const auto count = std::min(tokens, static_cast<index_t>(factor * static_cast<double>(tokens) / r.experts));
    const id_matrix<B> rows = choose_rows(p, count, p.rows(), at.valid.mask);  // N x c, best first
    const variable<B> taken = gather_elements(transpose(variable<B>(p)), rows);
    at.add_statistic("threshold", columns_of(taken, count - 1, 1).value().reshaped(1, r.experts));
    return choices_of_rows(rows, p.rows(), r.experts);
  }
  template <class B>
  void after_step(std::int64_t, const layer_statistics<B>& seen, const auto& my) const {
    auto threshold = my.layer.threshold.value().to_host();
    for (std::size_t e = 0; e < threshold.size(); ++e)
      threshold[e] = 0.9 * threshold[e] + 0.1 * seen.row("threshold")[e] / static_cast<double>(seen.passes);
    my.layer.threshold.value() = matrix<B>::from_host(threshold, 1, std::ssize(threshold));
  }
};
using own_expert_choice_card = with<smoe_card, own_expert_choice, selected_score, no_balance>;
}  // namespace

TEST_CASE("breadth/expert_choice: gradients; it reaches the batch in training, and generates") {
  for (const auto& r : gmoe_test::check_gradients_of<own_expert_choice_card>().routings)
    CHECK(std::as_const(r.pairs.offsets).to_host().back() == 4 * 5);  // every expert takes 2 * 10 / 4
  language_model<own_expert_choice_card, gmoe_test::model_backend> model(gmoe_test::small_sizes());
  gmoe_test::randomise(model);
  CHECK(check_causality(model, 6, true).measured == reach::batch);
  CHECK(check_causality(model, 6).measured <= reach::past);
  for (const bool training : {true, false}) gmoe_test::check_padding(model, training);
  const std::vector<id_type> prompt{1, 2};
  CHECK(generate(model, std::span<const id_type>(prompt), {.tokens = 3}).size() == 3);
}
