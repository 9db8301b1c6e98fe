#pragma once
/// A router that also hears what kind of text it is in (MoR1E, Liu et al. 2024).

#include <cstdint>
#include <tuple>
#include <vector>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/reach.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/moe/step_statistics.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/choose.hpp"
#include "gmoe/ops/concat.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/normalize.hpp"
#include "gmoe/ops/prefix_means.hpp"
#include "gmoe/ops/valid_rows.hpp"

namespace gmoe {

///     m_t = mean over u <= t of x_u          what was read of the sequence
///     s_k = cos(m_t, c_k)                    how much that is like cluster k of K
///     z   = W_r [x_t ; s]
///
/// c is a buffer that follows by K-means: after every step, for the clusters that were the most similar one of any
/// token,
///
///     c_k <- c_k + rate (mean of m over its tokens - c_k)
struct intuitive_router {
  using slot = slots::router;
  static constexpr reach reaches = reach::past;
  index_t clusters = 4;  ///< K
  double rate = 0.1;
  static constexpr auto fields = std::tuple{
      field{"clusters", &intuitive_router::clusters, "kinds of texts", at_least(1)},
      field{"rate", &intuitive_router::rate, "of the way to the mean of a cluster's texts, per step", between(0, 1)}};

  template <class B>
  struct layer {
    parameter<B> gate;    ///< W_r: N x (d + K)
    buffer<B> centroids;  ///< c: K x d
  };
  template <class B>
  struct cached {
    running_means<B> read;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    parameter<B> first = make.normal("centroids", clusters, l.d_model, 1);
    const bool counting = make.mode() == build_mode::shapes_only;
    return {make.linear("gate", l.columns, l.d_model + clusters),
            buffer<B>(first.name(), counting ? matrix<B>() : first.value())};
  }
  /// Multiply-adds of a token: with the gate, and with the centroids.
  index_t products(const layer_shape& l) const { return l.columns * (l.d_model + clusters) + clusters * l.d_model; }

  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    const variable<B> read = prefix_means(x, at.sequence, my.cached.read);
    const variable<B> centroids = at.constant(my.layer.centroids.value());
    const variable<B> alike = matmul(normalize_lengths(read), normalize_lengths(centroids), op::transpose);
    if (at.training) remember_texts(at, read.value(), alike.value());
    return matmul_side_by_side(x, alike, at.use(my.layer.gate));
  }

  template <class B>
  void after_step(std::int64_t, const layer_statistics<B>& seen, const auto& my) const {
    matrix<B>& centroids = my.layer.centroids.value();
    const std::vector<double>& texts = seen.row("texts");  // K sums of d numbers, then K counts
    auto c = centroids.to_host();
    const auto d = static_cast<std::size_t>(centroids.cols());
    for (std::size_t i = 0; i < c.size(); ++i)
      if (const double count = texts[c.size() + i / d]; count > 0)
        c[i] += static_cast<typename B::scalar>(rate * (texts[i] / count - static_cast<double>(c[i])));
    centroids = matrix<B>::from_host(c, centroids.rows(), centroids.cols());
  }

 private:
  /// Sums and counts of what was read, by the most similar cluster.
  template <class B>
  void remember_texts(const place<B>& at, const matrix<B>& read, const matrix<B>& alike) const {
    const id_matrix<B> nearest = valid_choices(choose_top_k(alike, 1), at.valid);
    const variable<B> ones(matrix<B>::filled(read.rows(), 1, 1));
    const variable<B> of = scatter_elements(ones, nearest, clusters);
    matrix<B> sums(clusters, read.cols());
    B::gemm(op::transpose, op::none, 1, of.value().view(), read.view(), 0, sums.view());
    const variable<B> all(sums.reshaped(1, sums.size()));
    at.add_statistic("texts", concat_cols(all, col_sums(of)).value());
  }
};

}  // namespace gmoe
