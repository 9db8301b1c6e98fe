#pragma once
/// The one call through which products of `cpu<S>`, and of Thrust's host systems, reach who multiplies (see
/// backend/eigen/gemm_provider.hpp): compiled once, as Eigen's kernel is large.

#include "gmoe/backend/eigen/gemm_provider.hpp"

/// As GMOE_COMPILED_OPERATIONS, per scalar.
#define GMOE_COMPILED_PRODUCTS(instance, S)                                                                      \
  namespace gmoe {                                                                                               \
  instance void eigen::gemm_one_thread(op, op, S, matrix_view<const S>, matrix_view<const S>, S, matrix_view<S>, \
                                       index_t);                                                                 \
  }
