#pragma once
/// Does it matter which expert a number stands for? A rule that lets other experts run than those that were asked
/// (a probe of PathMoE, Gu et al. 2026).
///
///     I_t = the choices of token t in layer l, w_te their weights:     sum_e w_te E_pi(e)(x_t)     pi = pi_l, random

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string_view>
#include <vector>

#include "gmoe/analysis/shuffled.hpp"
#include "gmoe/moe/routing_rule.hpp"

namespace gmoe {

/// Each layer of each mixture has a permutation of its own, the same in every pass and round. Numbers are those within
/// the layer, so that layers which share a pool see its experts in different orders.
template <class B>
class shuffled_experts : public routing_rule<B> {
 public:
  explicit shuffled_experts(random_stream stream) : stream_(stream) {}

  /// Who runs in the place of each of N experts.
  std::vector<id_type> permutation(std::string_view mixture, index_t layer, index_t experts) const {
    std::vector<id_type> order(static_cast<std::size_t>(experts));
    std::iota(order.begin(), order.end(), id_type(0));
    return shuffled(std::move(order), stream_.fork(mixture).fork(static_cast<std::uint64_t>(layer)));
  }
  void change_kept(const place<B>&, routing<B>& r) const override {
    if (r.kept.empty()) return;
    const std::vector<id_type> instead = permutation(r.mixture, r.layer, r.experts);
    std::vector<id_type> ran = r.kept.to_host();
    for (id_type& e : ran)
      if (is_choice(e, r.experts)) e = instead[static_cast<std::size_t>(e)];
    r.kept = id_matrix<B>::from_host(ran, r.kept.rows(), r.kept.cols());
  }

 private:
  random_stream stream_;
};

}  // namespace gmoe
