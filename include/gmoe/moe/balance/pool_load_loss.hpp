#pragma once
/// The load balancing loss of a pool as a whole, where layers see parts of it.

#include "gmoe/core/recycled.hpp"
#include "gmoe/moe/balance/load_loss.hpp"
#include "gmoe/ops/embedding.hpp"

namespace gmoe {

/// alpha N sum_u v_u f_u P_u over the N experts u of the pool that somebody sees, f_u and P_u their load and mean score
/// in a layer, averaged over all L layers (0 where a layer does not see them): an expert may be busy in one layer if it
/// rests in others. By exposure, v_u = (mean e / e_u)^2 where e_u layers see expert u: it is even when every expert has
/// load in proportion to its exposure (MoUE's universal experts).
///
/// A pool that all layers see whole: joint_switch_loss. Private pools: the mean of the layers' Switch losses. Both with
/// exposure or without.
struct pool_load_loss {
  using slot = slots::balance;
  double alpha = 0.01;
  load_count count = load_count::pairs;
  bool by_exposure = true;
  static constexpr auto fields =
      std::tuple{field{"alpha", &pool_load_loss::alpha, "coefficient of the load balancing loss", at_least(0)},
                 field{"count", &pool_load_loss::count, "what an expert's load is a share of"},
                 field{"by_exposure", &pool_load_loss::by_exposure, "experts that more layers see may have more load"}};

  template <class B>
  variable<B> loss(const place<B>& at, const findings<B>& pass) const {
    const pool_facts pool(pass);
    variable<B> f, p;
    double layers = 0;
    for (const routing<B>& r : pass.routings) {
      if (r.chosen.rows() == 0) continue;
      ++layers;
      variable<B> mean = mean_scores(r);
      if (by_exposure) mean = multiply(mean, at.constant(dear(pool, r)));
      // Layer by layer the experts stand in other columns: they meet by the pool's numbers.
      const auto ids = id_matrix<B>::from_host(r.pool->ids, 1, r.experts);
      const variable<B> here = scatter_elements(load_of(r, count), ids, pool.numbers);
      mean = scatter_elements(mean, ids, pool.numbers);
      f = f ? add(f, here) : here;
      p = p ? add(p, mean) : mean;
    }
    if (layers == 0) return {};
    return scale(dot(p, f), alpha * pool.experts / (layers * layers));
  }

  template <class Card, class B>
  static consteval bool check_partners() {
    static_assert(has_scores<Card>,
                  "gmoe: pool_load_loss reads scores of all experts, but the card's form makes none (see its `uses`): "
                  "it takes no_balance");
    static_assert(!has_signed_scores<Card>,
                  "gmoe: pool_load_loss takes shares of scores, but the card's scores are logits, which may be "
                  "negative: it takes another score, such as softmax_score");
    return true;
  }

 private:
  /// Of all layers together.
  struct pool_facts {
    index_t numbers = 0;               ///< beyond all ids
    double experts = 0, exposure = 0;  ///< how many are seen, and the mean of e_u

    template <class B>
    explicit pool_facts(const findings<B>& pass) {
      for (const routing<B>& r : pass.routings) {
        if (r.number > 0) continue;
        for (std::size_t i = 0; i < r.pool->ids.size(); ++i) {
          const double part = 1.0 / static_cast<double>(r.pool->exposure[i]);  // the layers that see it add up to 1
          numbers = std::max<index_t>(numbers, r.pool->ids[i] + 1);
          experts += part;
          exposure += 1;
        }
      }
      exposure /= experts;
    }
  };
  /// v (1 x N) of the experts of a layer.
  template <class B>
  matrix<B> dear(const pool_facts& pool, const routing<B>& r) const {
    recycled_vector<typename B::scalar> v(r.pool->ids.size());
    for (std::size_t i = 0; i < v.size(); ++i) {
      const double e = pool.exposure / static_cast<double>(r.pool->exposure[i]);
      v[i] = static_cast<typename B::scalar>(e * e);
    }
    return matrix<B>::from_host(v, 1, r.experts);
  }
};

}  // namespace gmoe
