#pragma once
/// Trained gated experts as latent ones (MoLAE, Liu et al. 2025): what their matrices have in common becomes the
/// projection that they share.

#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "gmoe/autograd/parameter.hpp"
#include "gmoe/backend/eigen/low_rank.hpp"
#include "gmoe/core/error.hpp"

namespace gmoe {

/// How near latent experts are to those that they came from.
struct latent_distance {
  double lost = 0;  ///< squares of what W_gate and W_up lost, as a share of their squares: 0 is nothing
};

/// Gives `latent`, a model with latent_expert<Activation>, the weights of `trained`, one with
/// gated_expert<Activation> and otherwise the same card and sizes. W_gate and W_up of each group of experts, one below
/// the other, become A B by their largest singular values; all else is copied. Throws config_error where a parameter
/// has no counterpart.
///
/// Takes a language_model or an any_model on any backend; the factors are computed on the host, in double.
template <class Trained, class Latent>
latent_distance latent_from(Trained& trained, Latent& latent) {
  using B = typename Latent::backend_type;
  static_assert(std::is_same_v<typename Trained::backend_type, B>, "gmoe: latent_from takes two models on one backend");
  using scalar = typename B::scalar;
  std::map<std::string, parameter<B>*, std::less<>> from, to;
  trained.each_parameter([&](parameter<B>& p) { from[std::string(p.name())] = &p; });
  latent.each_parameter([&](parameter<B>& p) { to[std::string(p.name())] = &p; });
  const auto named = [](auto& all, std::string_view name, const char* whose) -> parameter<B>& {
    const auto found = all.find(name);
    require(found != all.end(), "latent_from: the ", whose, " model has no parameter '", name, "'");
    return *found->second;
  };
  double all = 0, lost = 0;
  for (const std::string kind : {"gate", "up"}) {
    parameter<B>&w = named(from, "experts.w_" + kind, "trained"), &b = named(to, "experts.b_" + kind, "latent"),
    &a = named(to, "experts.a_" + kind, "latent");
    const index_t d = w.cols(), rank = a.cols(), groups = b.rows() / rank;
    require(a.rows() == w.rows() && b.cols() == d && groups * rank == b.rows() && w.rows() % groups == 0,
            "latent_from: experts.w_", kind, " of ", w.rows(), " x ", d, " as experts.a_", kind, " of ", a.rows(),
            " x ", rank, " and experts.b_", kind, " of ", b.rows(), " x ", b.cols());
    const auto values = w.value().to_host();
    const index_t rows = w.rows() / groups;
    std::vector<scalar> left, right;
    for (index_t g = 0; g < groups; ++g) {
      const auto first = values.begin() + static_cast<std::ptrdiff_t>(g * rows * d);
      const std::vector<double> stack(first, first + static_cast<std::ptrdiff_t>(rows * d));
      const auto f = eigen::factor(stack, rows, d, rank);
      for (const double v : f.left) left.push_back(static_cast<scalar>(v));
      for (const double v : f.right) right.push_back(static_cast<scalar>(v));
      lost += f.lost;
      for (const double v : stack) all += v * v;
    }
    a.value() = matrix<B>::from_host(left, a.rows(), rank);
    b.value() = matrix<B>::from_host(right, b.rows(), d);
    from.erase(std::string(w.name()));
    to.erase(std::string(a.name()));
    to.erase(std::string(b.name()));
  }
  for (auto& [name, p] : to) {
    const parameter<B>& same = named(from, name, "trained");
    require(same.rows() == p->rows() && same.cols() == p->cols(), "latent_from: '", name, "' is ", same.rows(), " x ",
            same.cols(), " in the trained model, but ", p->rows(), " x ", p->cols(), " in the latent one");
    p->value() = same.value().clone();
  }
  return {all > 0 ? lost / all : 0};
}

}  // namespace gmoe
