#pragma once
/// `shapes`: a backend that computes nothing. Models on it are only counted; asking one for memory throws.

#include "gmoe/backend/contract.hpp"
#include "gmoe/core/error.hpp"

namespace gmoe {

/// For build_mode::shapes_only. What a counted model never calls is declared, and nowhere defined.
struct shapes {
  using scalar = float;
  static constexpr const char* name = "shapes";

  struct memory {
    static void* allocate(std::size_t bytes) {
      throw backend_error(concat("the backend 'shapes' has no memory, but ", bytes, " bytes were asked for"));
    }
    static void release(void*, std::size_t) {}
  };
  using host_ids = const id_type*;
  struct pair_list {};
  struct weight_job {};

  static void upload(void*, const void*, std::size_t) {}
  static void download(void*, const void*, std::size_t) {}
  static void copy(void*, const void*, std::size_t) {}
  static void fill(auto&&...) {}

  static host_ids read_ids(auto&&...);
  static void gemm(auto&&...);
  static index_t row_stride(index_t cols);
  static void map(auto&&...);
  static void map_with_row(auto&&...);
  static void map_with_col(auto&&...);
  static void row_dots(auto&&...);
  static void row_sums(auto&&...);
  static void col_sums(auto&&...);
  static void sum(auto&&...);
  static double sum_of_squares(auto&&...);
  static void softmax_rows(auto&&...);
  static void softmax_rows_backward(auto&&...);
  static void layer_norm(auto&&...);
  static void layer_norm_backward(auto&&...);
  static void gru_gates(auto&&...);
  static void gru_gates_backward(auto&&...);
  static void log_sum_exp_rows(auto&&...);
  static void masked_softmax_rows(auto&&...);
  static void entmax_rows(auto&&...);
  static void transpose_groups(auto&&...);
  static void prefix_means(auto&&...);
  static void prefix_means_backward(auto&&...);
  static void rotate(auto&&...);
  static void outer_rows(auto&&...);
  static void contract_rows(auto&&...);
  static void contract_rows_left(auto&&...);
  static void gather_rows(auto&&...);
  static void scatter_add_rows(auto&&...);
  static void add_rows_periodic(auto&&...);
  static void gather_elements(auto&&...);
  static void scatter_add_elements(auto&&...);
  static void one_hot(auto&&...);
  static void gather_ids(auto&&...);
  static void top_k_rows(auto&&...);
  static void count_choices(auto&&...);
  static void choice_fractions(auto&&...);
  static void limit_capacity(auto&&...);
  static void keep_randomly(auto&&...);
  static void sort_pairs(auto&&...);
  static void keep_where(auto&&...);
  static void find_mistake(auto&&...);
  static void grouped_gemm(auto&&...);
  static void grouped_weight_gradient(auto&&...);
  static void batched_gemm(auto&&...);
  static void gather_pairs(auto&&...);
  static void combine_pairs(auto&&...);
  static void pair_dots(auto&&...);
  static void segment_sums(auto&&...);
  static void expand_segments(auto&&...);
  static void top_k_visible(auto&&...);
  static void keep_until_sum(auto&&...);
  static void choose_above(auto&&...);
  static void choose_rows(auto&&...);
  static void choices_of_rows(auto&&...);
  static void choose_pairs(auto&&...);
  static void empty_rows(auto&&...);
  static void sample_rows(auto&&...);
  static void attention(auto&&...);
  static void attention_backward(auto&&...);
  static void attention_cached(auto&&...);
  static void cross_entropy(auto&&...);
  static void cross_entropy_with_gradient(auto&&...);
  static void dropout(auto&&...);
  static void fill_uniform(auto&&...);
  static void adamw(auto&&...);
  template <bool>
  static void experts_forward(auto&&...);
  template <bool>
  static void experts_backward(auto&&...);
  static void expert_weight_gradients(auto&&...);
  static void gated_experts_forward(auto&&...);
  static void gated_experts_backward(auto&&...);
};

static_assert(backend<shapes>);

}  // namespace gmoe
