#pragma once
/// Every operation on variables, for every backend, and choices, which have no gradient.

// Element by element, with rows, columns and numbers.
#include "gmoe/ops/broadcast.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/masked.hpp"
#include "gmoe/ops/normal_noise.hpp"
#include "gmoe/ops/scale_by.hpp"
#include "gmoe/ops/stop_gradient.hpp"
#include "gmoe/ops/valid_rows.hpp"

// Products.
#include "gmoe/ops/batched_matmul.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/outer_rows.hpp"

// Sums, means, norms and probabilities: of rows, of columns, of groups.
#include "gmoe/ops/columns.hpp"
#include "gmoe/ops/distances.hpp"
#include "gmoe/ops/entmax.hpp"
#include "gmoe/ops/groups.hpp"
#include "gmoe/ops/layer_norm.hpp"
#include "gmoe/ops/log_softmax.hpp"
#include "gmoe/ops/normalize.hpp"
#include "gmoe/ops/prefix_means.hpp"
#include "gmoe/ops/prefix_mixtures.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/ops/softmax.hpp"

// Parts and shapes of matrices; rows and elements by id.
#include "gmoe/ops/concat.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/repeat.hpp"
#include "gmoe/ops/reshape.hpp"
#include "gmoe/ops/rotary.hpp"
#include "gmoe/ops/rows_by_id.hpp"

// Pairs of tokens and experts: what bodies of experts are composed of.
#include "gmoe/ops/grouped_matmul.hpp"
#include "gmoe/ops/pairs.hpp"
#include "gmoe/ops/segments.hpp"

// Layers in one operation, losses, dropout.
#include "gmoe/ops/attention.hpp"
#include "gmoe/ops/cross_entropy.hpp"
#include "gmoe/ops/dropout.hpp"
#include "gmoe/ops/experts.hpp"
#include "gmoe/ops/gated_experts.hpp"
#include "gmoe/ops/gru.hpp"

// Ids from scores.
#include "gmoe/ops/choose.hpp"
