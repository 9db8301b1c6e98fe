#pragma once
/// The load balancing loss with what may vary in it: what is counted, and how much an expert's load weighs.
///
///     loss = alpha N sum_i v_i f_i P_i        f the load of expert i, P its mean score, v how dear it is

#include <array>
#include <string_view>

#include "gmoe/moe/balance/switch_loss.hpp"
#include "gmoe/nn/builder.hpp"

namespace gmoe {

/// What f_i is a share of.
enum class load_count {
  pairs,          ///< all that was asked for: f sums to 1
  tokens,         ///< the tokens: f sums to the experts per token
  first_choices,  ///< the first choice of every token: f sums to 1
};
constexpr auto names_of(load_count) { return std::array<std::string_view, 3>{"pairs", "tokens", "first_choices"}; }

/// f (1 x N), dropped pairs included. A constant: no gradient.
template <class B>
variable<B> load_of(const routing<B>& r, load_count count) {
  if (count == load_count::pairs) return chosen_fractions(r);
  if (count == load_count::first_choices) return chosen_fractions(r, 1);
  const index_t tokens = std::max<index_t>(r.valid.among(r.chosen.rows()), 1);
  matrix<B> f(1, r.experts);
  B::count_choices(f.view(), static_cast<typename B::scalar>(1.0 / static_cast<double>(tokens)), r.chosen.view());
  return variable<B>(std::move(f), r.scores.recorded_on(), false);
}

/// alpha N sum_i v_i f_i P_i for each layer. As it is, Switch's loss; `first_choices` is GShard's. By width, v_i = m_i
/// / mean m: the parameter penalty of HMoE (Wang et al. 2024), which asks for narrow experts; of equal widths v is 1.
struct load_loss {
  using slot = slots::balance;
  static constexpr std::string_view name = "load";
  double alpha = 0.01;
  load_count count = load_count::pairs;
  bool by_width = false;
  static constexpr auto fields =
      std::tuple{field{"alpha", &load_loss::alpha, "coefficient of the load balancing loss", at_least(0)},
                 field{"count", &load_loss::count, "what an expert's load is a share of"},
                 field{"by_width", &load_loss::by_width, "a wide expert's load weighs more"}};

  template <class B>
  struct layer {
    matrix<B> dear;  ///< 1 x N, v; none where all are 1
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    if (!by_width || make.mode() == build_mode::shapes_only) return {};
    double mean = 0;
    for (const index_t m : l.pool->widths) mean += static_cast<double>(m) / static_cast<double>(l.experts);
    std::vector<typename B::scalar> v;
    for (const index_t m : l.pool->widths) v.push_back(static_cast<typename B::scalar>(static_cast<double>(m) / mean));
    return {matrix<B>::from_host(v, 1, l.experts)};
  }
  template <class B>
  variable<B> layer_loss(const place<B>& at, const routing<B>& r, const auto& my) const {
    variable<B> f = load_of(r, count);
    if (!my.layer.dear.empty()) f = multiply(f, at.constant(my.layer.dear));
    return scale(dot(mean_scores(r), f), alpha * static_cast<double>(r.experts));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(has_scores<Card>,
                  "gmoe: load_loss reads scores of all experts, but the card's form makes none (see its `uses`): it "
                  "takes no_balance");
    static_assert(!has_signed_scores<Card>,
                  "gmoe: load_loss takes shares of scores, but the card's scores are logits, which may be negative: it "
                  "takes another score, such as softmax_score");
    return true;
  }
};

}  // namespace gmoe
