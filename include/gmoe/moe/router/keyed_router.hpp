#pragma once
/// Routers that compare a token with a key per expert: where keys come from, and how they are compared.
///
///     z_i = similarity(x, key_i)

#include <tuple>

#include "gmoe/core/field.hpp"
#include "gmoe/moe/place.hpp"
#include "gmoe/moe/slots.hpp"
#include "gmoe/nn/builder.hpp"
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/distances.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/normalize.hpp"

namespace gmoe {

/// A learned key for every expert.
struct learned_keys {
  using slot = slots::router;
  template <class B>
  struct layer {
    parameter<B> keys;  ///< N x d, or as many rows as the score asks for logits
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.linear("keys", l.columns, l.d_model)};
  }
  template <class B>
  variable<B> keys(const place<B>& at, const layer<B>& my) const {
    return at.use(my.keys);
  }
};

/// key_i = W_out silu(W_in v_i + b_in) + b_out: one network for all experts of a layer makes them of a short vector v
/// that describes each (Nexus, Gritsch et al. 2024). A new expert needs nothing but its v.
struct described_keys {
  using slot = slots::router;
  index_t width = 16;   ///< of v
  index_t hidden = 64;  ///< units of the network
  static constexpr auto fields =
      std::tuple{field{"width", &described_keys::width, "numbers that describe an expert", at_least(1)},
                 field{"hidden", &described_keys::hidden, "units between a description and its key", at_least(1)}};

  template <class B>
  struct layer {
    parameter<B> descriptions;     ///< N x width, v
    parameter<B> w_in, bias_in;    ///< hidden x width, 1 x hidden
    parameter<B> w_out, bias_out;  ///< d x hidden, 1 x d
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.normal("descriptions", l.columns, width, 1), make.linear("w_in", hidden, width),
            make.constant("bias_in", 1, hidden, 0), make.linear("w_out", l.d_model, hidden),
            make.constant("bias_out", 1, l.d_model, 0)};
  }
  template <class B>
  variable<B> keys(const place<B>& at, const layer<B>& my) const {
    const variable<B> h =
        silu(add_row(matmul(at.use(my.descriptions), at.use(my.w_in), op::transpose), at.use(my.bias_in)));
    return add_row(matmul(h, at.use(my.w_out), op::transpose), at.use(my.bias_out));
  }
};

/// <x, key>
struct dot_product {
  using slot = slots::router;
  template <class B>
  variable<B> compare(const variable<B>& x, const variable<B>& keys) const {
    return matmul(x, keys, op::transpose);
  }
};

/// scale <x, key> / (|x| |key|)
struct cosine_similarity {
  using slot = slots::router;
  double scale = 10;
  static constexpr auto fields =
      std::tuple{field{"scale", &cosine_similarity::scale, "of cosines: the larger, the surer", above(0)}};
  template <class B>
  variable<B> compare(const variable<B>& x, const variable<B>& keys) const {
    return gmoe::scale(matmul(normalize_lengths(x), normalize_lengths(keys), op::transpose), scale);
  }
};

/// -|x - key| / temperature (Laplace gating, Nguyen et al. 2024): not squared.
struct negative_distance {
  using slot = slots::router;
  double temperature = 1;
  static constexpr auto fields =
      std::tuple{field{"temperature", &negative_distance::temperature, "by which distances are divided", above(0)}};
  template <class B>
  variable<B> compare(const variable<B>& x, const variable<B>& keys) const {
    return gmoe::scale(row_distances(x, keys), -1 / temperature);
  }
};

/// A router of keys: `keyed_router<learned_keys, dot_product>` is linear_router. Notes the keys in the routing as
/// "keys", N x d, for losses on them. Numbers: "router.keys.width", "router.similarity.scale".
template <class Keys, class Similarity>
struct keyed_router {
  using slot = slots::router;
  Keys keys{};
  Similarity similarity{};
  static constexpr auto fields = std::tuple{field{"keys", &keyed_router::keys, "where keys come from"},
                                            field{"similarity", &keyed_router::similarity, "how they are compared"}};

  template <class B>
  using layer = typename Keys::template layer<B>;
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return keys.make_layer(make, l);
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    const variable<B> k = keys.keys(at, my.layer);
    if (at.found && !at.found->routings.empty()) at.found->routings.back().note("keys", k);
    return similarity.compare(x, k);
  }
};

}  // namespace gmoe
