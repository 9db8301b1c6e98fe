#pragma once
/// One expert drawn by its score, or nobody.

#include <cstdint>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/partners.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/choose.hpp"

namespace gmoe {

/// Expert e with probability p_e, nobody with the probability that the score has noted as "exit"; nobody for a row of
/// zeros. Also in evaluation, unless it takes the likeliest of them there.
struct sampled_or_exit {
  using slot = slots::select;
  bool draws_in_evaluation = true;
  static constexpr auto fields = std::tuple{field{"draws_in_evaluation", &sampled_or_exit::draws_in_evaluation,
                                                  "whether evaluation and generation draw too, or take the likeliest"}};

  index_t at_most(const layer_shape&) const { return 1; }
  template <class B>
  id_matrix<B> choose(const place<B>& at, const routing<B>& r) const {
    const index_t n = r.experts, rows = r.scores.rows();
    matrix<B> shares(rows, n + 1);
    B::map(shares.view().col_block(0, n), 0, fn::same{}, r.scores.value().view());
    B::map(shares.view().col_block(n, 1), 0, fn::same{}, r.noted("exit").value().view());
    const bool draws = at.training || draws_in_evaluation;
    if (draws && at.observer) show_draws(at, rows);
    id_matrix<B> choice =
        draws ? sample_columns(shares, 1, at.stream(random_site::selection, rows)) : choose_top_k(shares, 1);
    // The exit is nobody, and so is what has no share at all.
    B::fill(shares.view().col_block(n, 1), typename B::scalar(0));
    matrix<B> share(rows, 1);
    B::gather_elements(share.view(), std::as_const(shares).view(), std::as_const(choice).view());
    B::keep_where(choice.view(), std::as_const(share).view());
    return choice;
  }

 private:
  /// U of every row, as sample_columns takes it from the stream.
  template <class B>
  static void show_draws(const place<B>& at, index_t rows) {
    const random_stream random = at.stream(random_site::selection, rows);
    std::vector<typename B::scalar> u;
    for (index_t t = 0; t < rows; ++t)
      u.push_back(static_cast<typename B::scalar>(random.uniform(static_cast<std::uint64_t>(t))));
    at.observer->see_draw(at.in_round("selection_draw"), at.block, matrix<B>::from_host(u, rows, 1));
  }
};

}  // namespace gmoe
