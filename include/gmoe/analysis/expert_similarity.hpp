#pragma once
/// How similar experts are by their weights.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmoe/analysis/expert_usage.hpp"
#include "gmoe/autograd/parameter.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/rows_by_id.hpp"

namespace gmoe {

namespace detail {

/// The matrices of a mixture's pool that have a row per hidden unit, those of the widest rows: what inputs and outputs
/// are multiplied with. Biases, and matrices behind another one, are not among them.
template <class B>
std::vector<const parameter<B>*> matrices_of_units(std::span<parameter<B>* const> parameters, std::string_view mixture,
                                                   index_t units) {
  std::string scope;
  for (std::size_t at = 0; at < mixture.size();) {
    const std::size_t end = std::min(mixture.find('/', at), mixture.size());
    scope += concat("form.", mixture.substr(at, end - at), ".");
    at = end + 1;
  }
  scope += "experts.";
  std::vector<const parameter<B>*> found;
  index_t widest = 2;
  for (const parameter<B>* p : parameters)
    if (p->name().starts_with(scope) && p->rows() == units) {
      found.push_back(p);
      widest = std::max(widest, p->cols());
    }
  std::erase_if(found, [&](const parameter<B>* p) { return p->cols() != widest; });
  return found;
}

/// The hidden units before each expert of a pool, and those of all, from the widths of the experts that layers see.
inline std::vector<index_t> first_units(std::span<const layer_usage> usage, std::string_view mixture) {
  std::vector<index_t> first;
  for (const layer_usage& l : usage)
    if (l.mixture == mixture)
      for (std::size_t e = 0; e < l.pool->ids.size(); ++e) {
        const auto end = static_cast<std::size_t>(l.pool->ids[e]) + 2;
        if (first.size() < end) first.resize(end);
        first[end - 1] = l.pool->widths[e];
      }
  for (std::size_t e = 1; e < first.size(); ++e) first[e] += first[e - 1];
  return first;
}

}  // namespace detail

/// Cosines of the weights of the experts that a layer sees, N x N. Hidden unit i of an expert is the outer product of
/// its rows in all matrices, W_e = sum_i w_in,i (x) w_out,i, or of three rows where the expert is gated; so the order
/// of the units, which means nothing, does not matter, and experts of several widths can be compared:
///     <W_e, W_f> = sum_i sum_j <w_in,i, w_in,j> <w_out,i, w_out,j>,   cosine = <W_e, W_f> / (|W_e| |W_f|)
/// `parameters` are the model's, `usage` is of all its layers. An expert without weights is similar to nobody, 0.
/// Throws config_error if the card's experts have no matrices with a row per hidden unit.
template <class B>
std::vector<double> expert_similarity(std::span<parameter<B>* const> parameters, std::span<const layer_usage> usage,
                                      std::size_t layer) {
  require(layer < usage.size(), "expert_similarity: layer ", layer, " of ", usage.size(), " was asked for");
  const layer_usage& l = usage[layer];
  const std::vector<index_t> first = detail::first_units(usage, l.mixture);
  const auto matrices = detail::matrices_of_units<B>(parameters, l.mixture, first.empty() ? 0 : first.back());
  require(!matrices.empty(), "expert_similarity: block ", l.block,
          ": its experts have no matrices of a row per hidden unit, by which they could be compared");

  const auto n = static_cast<std::size_t>(l.experts());
  std::vector<std::vector<id_type>> units(n);
  std::vector<id_type> all_units;
  for (std::size_t e = 0; e < n; ++e) {
    const auto id = static_cast<std::size_t>(l.pool->ids[e]);
    for (index_t u = first[id]; u < first[id + 1]; ++u) units[e].push_back(static_cast<id_type>(u));
    all_units.insert(all_units.end(), units[e].begin(), units[e].end());
  }
  const auto rows_of = [](const parameter<B>& p, std::span<const id_type> ids) {
    return take_rows(variable<B>(p.value()), id_matrix<B>::from_host(ids, 1, std::ssize(ids)));
  };
  std::vector<variable<B>> rows;
  for (const parameter<B>* p : matrices) rows.push_back(rows_of(*p, all_units));

  std::vector<double> products(n * n);
  for (std::size_t e = 0; e < n; ++e) {
    if (units[e].empty()) continue;
    variable<B> of_units;  // units of e x units of all
    for (std::size_t m = 0; m < matrices.size(); ++m) {
      const variable<B> p = matmul(rows_of(*matrices[m], units[e]), rows[m], op::transpose);
      of_units = of_units ? multiply(of_units, p) : p;
    }
    const auto values = of_units.value().to_host();
    auto v = values.begin();
    for (std::size_t i = 0; i < units[e].size(); ++i)
      for (std::size_t f = 0; f < n; ++f)
        for (std::size_t j = 0; j < units[f].size(); ++j) products[e * n + f] += static_cast<double>(*v++);
  }
  std::vector<double> cosines(n * n);
  for (std::size_t e = 0; e < n; ++e)
    for (std::size_t f = 0; f < n; ++f) {
      const double norms = std::sqrt(products[e * n + e]) * std::sqrt(products[f * n + f]);
      if (norms > 0) cosines[e * n + f] = products[e * n + f] / norms;
    }
  return cosines;
}

}  // namespace gmoe
