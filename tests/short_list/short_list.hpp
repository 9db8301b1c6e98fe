#pragma once
/// A backend of the short list alone, in plain loops over plain memory: all else of the contract is composed.

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "gmoe/backend/generic.hpp"
#include "gmoe/core/error.hpp"

namespace gmoe_test {

using gmoe::id_type;
using gmoe::index_t;
using gmoe::is_choice;
using gmoe::no_choice;

/// Memory of the host.
struct plain_memory {
  static void* allocate(std::size_t bytes) {
    void* const data = std::malloc(bytes);
    gmoe::require<gmoe::backend_error>(data != nullptr, "out of memory: could not allocate ", bytes, " bytes");
    return data;
  }
  static void release(void* data, std::size_t) { std::free(data); }
};

// [backend]
template <class S>
struct short_list : gmoe::generic::fallbacks<short_list<S>, S> {
  using scalar = S;
  using memory = plain_memory;
  static constexpr const char* name = "short list";

  using in = gmoe::matrix_view<const S>;
  using out = gmoe::matrix_view<S>;
  using ids = gmoe::matrix_view<const id_type>;
  using ids_out = gmoe::matrix_view<id_type>;

  // Memory.

  using host_ids = const id_type*;
  static void upload(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
  static void download(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
  static void copy(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
  static host_ids read_ids(ids list) { return list.data; }
  template <class T>
  static void fill(gmoe::matrix_view<T> y, T value) {
    for (index_t i = 0; i < y.rows; ++i) std::fill_n(y.row(i), y.cols, value);
  }
  // [/backend]

  // The product, maps and sums.

  static void gemm(gmoe::op op_a, gmoe::op op_b, S alpha, in a, in b, S beta, out c) {
    const bool a_lies = op_a == gmoe::op::none, b_lies = op_b == gmoe::op::none;
    const index_t depth = a_lies ? a.cols : a.rows;
    for (index_t i = 0; i < c.rows; ++i)
      for (index_t j = 0; j < c.cols; ++j) {
        S sum = 0;
        for (index_t k = 0; k < depth; ++k) sum += (a_lies ? a(i, k) : a(k, i)) * (b_lies ? b(k, j) : b(j, k));
        put(c(i, j), beta, alpha * sum);
      }
  }

  // [map]
  template <class F, class... In>
  static void map(out y, S beta, const F& f, In... x) {
    for (index_t i = 0; i < y.rows; ++i)
      for (index_t j = 0; j < y.cols; ++j) put(y(i, j), beta, f(S(x(i, j))...));
  }
  // [/map]
  template <class F>
  static void map_with_row(out y, S beta, const F& f, in x, in row) {
    for (index_t i = 0; i < y.rows; ++i)
      for (index_t j = 0; j < y.cols; ++j) put(y(i, j), beta, f(x(i, j), row(0, j)));
  }
  template <class F>
  static void map_with_col(out y, S beta, const F& f, in x, in col) {
    for (index_t i = 0; i < y.rows; ++i)
      for (index_t j = 0; j < y.cols; ++j) put(y(i, j), beta, f(x(i, j), col(i, 0)));
  }

  static void row_sums(out y, S beta, S scale, in x) {
    for (index_t i = 0; i < x.rows; ++i) {
      double sum = 0;
      for (index_t j = 0; j < x.cols; ++j) sum += static_cast<double>(x(i, j));
      put(y(i, 0), beta, scale * static_cast<S>(sum));
    }
  }
  static void col_sums(out y, S beta, S scale, in x) {
    for (index_t j = 0; j < x.cols; ++j) {
      double sum = 0;
      for (index_t i = 0; i < x.rows; ++i) sum += static_cast<double>(x(i, j));
      put(y(0, j), beta, scale * static_cast<S>(sum));
    }
  }

  // By id.

  static void gather_rows(out y, in x, ids id, const in* more, index_t offset, index_t period) {
    for (index_t i = 0; i < y.rows; ++i)
      for (index_t j = 0; j < y.cols; ++j)
        y(i, j) = (id.data[i] == no_choice ? S(0) : x(id.data[i], j)) + (more ? (*more)(offset + i % period, j) : S(0));
  }
  static void scatter_add_rows(out y, in x, ids id) {
    for (index_t i = 0; i < x.rows; ++i)
      for (index_t j = 0; j < x.cols && id.data[i] != no_choice; ++j) y(id.data[i], j) += x(i, j);
  }
  static void gather_ids(ids_out to, ids of, ids place) {
    for (index_t i = 0; i < to.size(); ++i)
      to.data[i] = place.data[i] == no_choice ? no_choice : of.data[place.data[i]];
  }
  static void gather_elements(out y, in x, ids id) {
    for (index_t i = 0; i < y.rows; ++i)
      for (index_t j = 0; j < y.cols; ++j) y(i, j) = is_choice(id(i, j), x.cols) ? x(i, id(i, j)) : S(0);
  }
  static void scatter_add_elements(out y, in x, ids id) {
    for (index_t i = 0; i < x.rows; ++i)
      for (index_t j = 0; j < x.cols; ++j)
        if (is_choice(id(i, j), y.cols)) y(i, id(i, j)) += x(i, j);
  }

  // Choices.

  static void top_k_visible(ids_out choice, in scores, in mask) {
    constexpr gmoe::fn::goes_before before;
    std::vector<id_type> seen;
    for (index_t i = 0; i < scores.rows; ++i) {
      seen.clear();
      for (index_t e = 0; e < scores.cols; ++e)
        if (mask(mask.rows == 1 ? 0 : i, e) > S(0)) seen.push_back(static_cast<id_type>(e));
      const index_t found = std::min(std::ssize(seen), choice.cols);
      std::partial_sort(seen.begin(), seen.begin() + found, seen.end(), [&](id_type a, id_type b) {
        return before(scores(i, a), scores(i, b)) || (!before(scores(i, b), scores(i, a)) && a < b);
      });
      for (index_t j = 0; j < choice.cols; ++j)
        choice(i, j) = j < found ? seen[static_cast<std::size_t>(j)] : no_choice;
    }
  }
  static void keep_where(ids_out choice, in x) {
    for (index_t i = 0; i < choice.rows; ++i)
      for (index_t j = 0; j < choice.cols; ++j)
        if (!(x(i, j) > S(0))) choice(i, j) = no_choice;
  }
  static void limit_capacity(ids_out choice, index_t experts, index_t capacity, gmoe::priority order) {
    std::vector<index_t> taken(static_cast<std::size_t>(experts));
    const auto visit = [&](id_type& e) {
      if (is_choice(e, experts) && taken[static_cast<std::size_t>(e)]++ >= capacity) e = no_choice;
    };
    if (order == gmoe::priority::token_order) {
      for (index_t p = 0; p < choice.size(); ++p) visit(choice(p / choice.cols, p % choice.cols));
      return;
    }
    for (index_t j = 0; j < choice.cols; ++j) {
      if (order == gmoe::priority::within_choice) std::fill(taken.begin(), taken.end(), 0);
      for (index_t i = 0; i < choice.rows; ++i) visit(choice(i, j));
    }
  }
  static void limit_capacity(ids_out choice, index_t experts, ids asked, const gmoe::capacity_rule& rule,
                             gmoe::priority order) {
    index_t pairs = 0, tokens = 0;
    for (index_t i = 0; i < asked.rows; ++i) {
      const index_t before = pairs;
      for (index_t j = 0; j < asked.cols; ++j) pairs += asked(i, j) != no_choice;
      tokens += pairs > before;
    }
    limit_capacity(choice, experts, rule(pairs, tokens, experts), order);
  }
  static void sort_pairs(ids_out sorted, ids_out position, ids_out offsets, ids asked) {
    id_type found = 0;
    for (index_t e = 0; e + 1 < offsets.cols; ++e) {
      offsets.data[e] = found;
      for (index_t p = 0; p < asked.size(); ++p)
        if (asked.data[p] == e) {
          sorted.data[found] = static_cast<id_type>(p);
          position.data[p] = found++;
        }
    }
    offsets.data[offsets.cols - 1] = found;
    for (index_t p = 0; p < asked.size(); ++p)
      if (!is_choice(asked.data[p], offsets.cols - 1)) position.data[p] = no_choice;
  }
  static void find_mistake(ids_out first, ids asked, index_t experts) {
    for (index_t p = 0; p < asked.size(); ++p) {
      const id_type e = asked.data[p], *const row = asked.data + p / asked.cols * asked.cols;
      if (e == no_choice || (is_choice(e, experts) && std::find(row, asked.data + p, e) == asked.data + p)) continue;
      first(0, 0) = static_cast<id_type>(p);
      return;
    }
    first(0, 0) = static_cast<id_type>(asked.size());
  }

  // Draws.

  static void fill_uniform(out y, S low, S high, gmoe::random_stream random) {
    const gmoe::fn::uniform_between<S> number{low, high};
    for (index_t i = 0; i < y.rows; ++i)
      for (index_t j = 0; j < y.cols; ++j) y(i, j) = number(random.word(counter(i * y.cols + j)));
  }
  static void dropout(out y, S beta, in x, gmoe::random_stream random, double probability) {
    const gmoe::fn::dropout_factor<S> factor(probability);
    for (index_t i = 0; i < y.rows; ++i)
      for (index_t j = 0; j < y.cols; ++j) put(y(i, j), beta, x(i, j) * factor(random.word(counter(i * y.cols + j))));
  }
  static void keep_randomly(ids_out choice, in weights, index_t slot, gmoe::random_stream random) {
    for (index_t t = 0; t < choice.rows; ++t)
      if (!gmoe::fn::keeps_second_choice{}(weights(t, slot), random.uniform(counter(t)))) choice(t, slot) = no_choice;
  }
  static void sample_rows(ids_out choice, in weights, gmoe::random_stream random) {
    for (index_t t = 0; t < choice.rows; ++t)
      for (index_t j = 0; j < choice.cols; ++j)
        choice(t, j) =
            gmoe::fn::column_drawn{}(weights.row(t), weights.cols, random.uniform(counter(t * choice.cols + j)));
  }

 private:
  /// y = value + beta y.
  static void put(S& y, S beta, S value) { y = beta == S(0) ? value : value + beta * y; }
  static std::uint64_t counter(index_t n) { return static_cast<std::uint64_t>(n); }
};

static_assert(gmoe::backend<short_list<float>> && gmoe::backend<short_list<double>>);

}  // namespace gmoe_test
