#pragma once
/// The long list of the contract, composed of the short one: what a backend starts from.
///
///     template <class Scalar>
///     struct mine : gmoe::generic::fallbacks<mine<Scalar>, Scalar> {
///       using scalar = Scalar;
///       ...                                      // contract/short_list.hpp
///       static void softmax_rows(...);           // and what it does faster: its own name hides the composed one
///     };
///
/// Nothing is virtual and nothing is compiled that is not called. Compositions call the backend's own functions, so
/// that a faster one serves all that are made of it. Between their steps whole matrices lie in the backend's pooled
/// memory.

#include "gmoe/backend/contract.hpp"
#include "gmoe/backend/generic/attention.hpp"
#include "gmoe/backend/generic/choose.hpp"
#include "gmoe/backend/generic/cross_entropy.hpp"
#include "gmoe/backend/generic/experts.hpp"
#include "gmoe/backend/generic/gated_experts.hpp"
#include "gmoe/backend/generic/gather.hpp"
#include "gmoe/backend/generic/groups.hpp"
#include "gmoe/backend/generic/gru.hpp"
#include "gmoe/backend/generic/layer_norm.hpp"
#include "gmoe/backend/generic/optimizer.hpp"
#include "gmoe/backend/generic/outer.hpp"
#include "gmoe/backend/generic/reduce.hpp"
#include "gmoe/backend/generic/sequences.hpp"
#include "gmoe/backend/generic/softmax.hpp"

namespace gmoe::generic {

/// Of the backend `B` over `S`, which is its scalar: a base does not know yet what a backend says of itself.
template <class B, class S>
struct fallbacks : reduce_kernels<B, S>,
                   softmax_kernels<B, S>,
                   layer_norm_kernels<B, S>,
                   gru_kernels<B, S>,
                   sequence_kernels<B, S>,
                   outer_kernels<B, S>,
                   attention_kernels<B, S>,
                   cross_entropy_kernels<B, S>,
                   optimizer_kernels<B, S>,
                   gather_kernels<B, S>,
                   choice_kernels<B, S>,
                   group_kernels<B, S>,
                   expert_kernels<B, S>,
                   gated_expert_kernels<B, S> {
  static constexpr index_t row_stride(index_t cols) { return cols; }
};

}  // namespace gmoe::generic
