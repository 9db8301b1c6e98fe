#pragma once
/// Hash routing (Roller et al. 2021): the token id decides, through a table that is not learned.

#include <cmath>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

#include "gmoe/core/functions.hpp"
#include "gmoe/core/slot.hpp"
#include "gmoe/moe/router/balanced_buckets.hpp"
#include "gmoe/moe/routing.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/nn/context.hpp"
#include "gmoe/nn/sizes.hpp"

namespace gmoe {

namespace fn {
/// 1 where two whole numbers are equal, else 0.
struct equal_whole {
  template <class T>
  GMOE_HD T operator()(const T& a, const T& b) const {
    return max(T(1) - abs(a - b), T(0));
  }
};
struct take_second {
  template <class T>
  GMOE_HD T operator()(const T&, const T& b) const {
    return b;
  }
};
}  // namespace fn

/// z = 1 for the expert in the table's entry of the token's id, 0 for the others; goes with plain_score, top_k<1> and
/// unit_weight. One table for all layers, saved with the model. At first id i goes to expert i mod N; `balance` makes
/// the table from the corpus:
///
///     model.router_shared().balance(counts);   // before training
struct hash_router : router_policy {
  template <class B>
  struct shared {
    parameter<B> bucket;  ///< V x 1: the expert of every token id. Not trained: the model visits it as a buffer.
    index_t experts;

    shared(const builder<B>& make, const sizes& s)
        : bucket(make.constant("bucket", s.vocab, 1, 0)), experts(s.experts) {
      if (bucket.value().empty()) return;  // only the shape is wanted
      std::vector<id_type> rest(static_cast<std::size_t>(s.vocab));
      for (std::size_t i = 0; i < rest.size(); ++i) rest[i] = static_cast<id_type>(static_cast<index_t>(i) % experts);
      assign(rest);
    }

    /// From how often each token id occurs in the training text; one count per id.
    void balance(std::span<const std::int64_t> counts) { assign(balanced_buckets(counts, experts)); }
    /// Any table: the expert of each token id.
    void assign(std::span<const id_type> table) {
      require(static_cast<index_t>(table.size()) == bucket.rows(), "hash_router: ", table.size(),
              " entries for a vocabulary of ", bucket.rows());
      for (std::size_t i = 0; i < table.size(); ++i)
        require(table[i] >= 0 && table[i] < experts, "hash_router: token ", i, " is given expert ", table[i],
                ", expected 0 to ", experts - 1);
      const std::vector<typename B::scalar> values(table.begin(), table.end());
      bucket.value() = matrix<B>::from_host(values, bucket.rows(), 1);
    }
    void each_buffer(auto&& visit) { visit(bucket.name(), bucket.value()); }
    /// A table from a file: an entry that is no expert would route nobody knows where.
    template <class T>
    void check_buffer(std::string_view name, std::span<const T> values) const {
      if (name != bucket.name()) return;
      for (std::size_t i = 0; i < values.size(); ++i)
        require<data_error>(values[i] >= 0 && values[i] < static_cast<T>(experts) && values[i] == std::floor(values[i]),
                            name, ": token ", i, " is given expert ", values[i], ", expected a whole number from 0 to ",
                            experts - 1);
    }
  };

  template <class B>
  struct layer {
    index_t experts;
    matrix<B> numbers;  ///< 0, 1, ... N - 1, made at the first use

    layer(const builder<B>&, const sizes& s, const layer_shape& l) : experts(l.experts) {
      require(l.experts == s.experts, "hash_router: block ", l.block, " sees ", l.experts,
              " experts, but the table is made for experts = ", s.experts);
    }

    variable<B> logits(const context<B>& ctx, const variable<B>& x, shared<B>& hash) {
      require(ctx.tokens.size() == x.rows(), "hash_router: ", ctx.tokens.size(), " token ids for ", x.rows(),
              " tokens; hashing needs the ids in the context");
      if (numbers.empty()) {
        std::vector<typename B::scalar> n(static_cast<std::size_t>(experts));
        std::iota(n.begin(), n.end(), typename B::scalar(0));
        numbers = matrix<B>::from_host(n, 1, experts);
      }
      matrix<B> chosen(x.rows(), 1), z(x.rows(), experts);
      B::gather_rows(chosen.view(), std::as_const(hash.bucket).value().view(), ctx.tokens.view(), nullptr, 0, 1);
      B::fill(z.view(), typename B::scalar(0));
      B::map_with_row(z.view(), 0, fn::take_second{}, std::as_const(z).view(), std::as_const(numbers).view());
      B::map_with_col(z.view(), 0, fn::equal_whole{}, std::as_const(z).view(), std::as_const(chosen).view());
      return ctx.constant(std::move(z));
    }
    void each(auto&&) {}
  };
};

}  // namespace gmoe
