#pragma once
/// One decision for a whole sequence (as in task-level mixtures, Ye et al. 2022).

#include "gmoe/core/field.hpp"
#include "gmoe/moe/hooks.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/ops/columns.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/repeat.hpp"
#include "gmoe/ops/reshape.hpp"

namespace gmoe {

/// Every token of a sequence has the logits that `Router` gives to its first token, which names the task: later tokens
/// read nothing that was not there before them. In training Gumbel noise is added to them, if `noise` says so, one draw
/// for every sequence and expert: -log(-log u), u uniform in (0, 1).
template <class Router>
struct per_sequence {
  using slot = slots::router;
  Router of{};
  bool noise = true;
  static constexpr auto fields =
      std::tuple{field{"noise", &per_sequence::noise, "Gumbel noise on the logits in training"}};
  static constexpr reach reaches = reach::past;

  template <class B>
  struct cached {
    matrix<B> first;  ///< sequences x d: the first rows
  };

  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    const index_t sequences = at.batch, length = at.sequence, d = x.cols();
    require(sequences * length == x.rows(), "per_sequence: ", x.rows(), " rows are no ", sequences, " sequences of ",
            length);
    // Where a sequence goes on, what began it is remembered.
    const bool begins = my.cached.first.empty();
    const variable<B> v = begins ? columns_of(reshape(x, sequences, length * d), 0, d) : at.constant(my.cached.first);
    if (begins) my.cached.first = v.value();
    variable<B> z = ask<hooks::logits>(of, my, at, v);
    if (at.training && noise) z = add(z, at.constant(gumbel(at, z.rows(), z.cols())));
    return repeat_each_row(z, length);
  }

 private:
  template <class B>
  static matrix<B> gumbel(const place<B>& at, index_t rows, index_t cols) {
    matrix<B> u(rows, cols);
    B::fill_uniform(u.view(), static_cast<typename B::scalar>(1e-6), static_cast<typename B::scalar>(1 - 1e-6),
                    at.stream(random_site::router, u.size()));
    if (at.observer) at.observer->see_draw("gumbel_draws", at.block, u);
    return scale(log(scale(log(variable<B>(std::move(u))), -1)), -1).value();
  }
  /// Row r of z `times` times, before row r + 1: as columns they are copies side by side.
  template <class B>
  static variable<B> repeat_each_row(const variable<B>& z, index_t times) {
    return transpose_groups(repeat_cols(reshape(z, z.size(), 1), times), z.cols());
  }
};

}  // namespace gmoe
