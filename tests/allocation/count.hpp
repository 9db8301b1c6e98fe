#pragma once
/// Counts allocations, of all threads, and trains a model by hand, so that nothing but its steps is counted.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "gmoe/autograd/tape.hpp"
#include "gmoe/core/random.hpp"
#include "gmoe/model/batch.hpp"
#include "gmoe/nn/context.hpp"
#include "gmoe/nn/sizes.hpp"

// Sanitizers bring functions of their own; there only operator new can be counted.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define COUNTS_MALLOC 1
#else
#define COUNTS_MALLOC 0
#endif

namespace gmoe_test {

void begin_counting();
/// Allocations since begin_counting.
long end_counting();

/// Allocations during f.
template <class F>
long allocations_of(const F& f) {
  begin_counting();
  f();
  return end_counting();
}

/// A model in training: loss, gradients, AdamW on every parameter.
template <class Model>
class counted_training {
  using B = typename Model::backend_type;
  using S = typename B::scalar;

 public:
  counted_training(Model& model, double rate) : model_(model), parameters_(model_.parameters()), rate_(rate) {
    for (gmoe::parameter<B>* p : parameters_)
      moments_.push_back(
          {gmoe::matrix<B>::filled(p->rows(), p->cols(), 0), gmoe::matrix<B>::filled(p->rows(), p->cols(), 0)});
  }

  double step(std::int64_t number, const std::vector<gmoe::id_type>& ids, const std::vector<gmoe::id_type>& targets,
              gmoe::index_t sequences) {
    batch_.assign(ids, targets, sequences, model_.shape().vocab);
    ctx_.tape = &tape_;
    ctx_.training = true;
    ctx_.step = number;
    ctx_.random = gmoe::random_stream(7).fork(static_cast<std::uint64_t>(number));
    const auto l = model_.loss(ctx_, batch_);
    const double loss = static_cast<double>(l.total.value().item());
    tape_.backward(l.total);
    double square = 0;
    for (gmoe::parameter<B>* p : parameters_) square += B::sum_of_squares(std::as_const(p->gradient()).view());
    const auto clip = static_cast<S>(1 / std::max(1.0, std::sqrt(square)));
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      gmoe::parameter<B>& p = *parameters_[i];
      B::adamw(p.value().view(), moments_[i].first.view(), moments_[i].second.view(),
               std::as_const(p.gradient()).view(),
               {S(rate_ > 0 ? 0.9999 : 1), S(0.9), S(0.95), static_cast<S>(rate_), S(1), S(1e-8), clip});
      p.forget_gradient();
    }
    return loss;
  }

 private:
  struct two_moments {
    gmoe::matrix<B> first, second;
  };
  Model& model_;
  std::vector<gmoe::parameter<B>*> parameters_;
  std::vector<two_moments> moments_;
  double rate_;
  gmoe::tape<B> tape_;
  gmoe::context<B> ctx_;
  gmoe::batch<B> batch_;
};

inline gmoe::sizes medium_sizes() {
  gmoe::sizes s;
  s.vocab = 300;
  s.positions = 70;  // more than a block of attention's rows
  s.d_model = 64;
  s.d_ff = 128;
  s.layers = 3;
  s.experts = 5;
  s.dropout = 0.1;
  return s;
}

/// Steps take nothing from the heap: five new ones after three others, or, for models whose memory depends on what is
/// chosen, three that were taken twice before, with the same weights.
enum class steady { later, again };
template <class Model>
void check_steps(Model& model, int threads, steady steps = steady::later, gmoe::index_t sequences = 6) {
  Model::backend_type::set_threads(threads);
  counted_training training(model, steps == steady::later ? 1e-3 : 0);
  const gmoe::index_t tokens = sequences * model.shape().positions;
  std::vector<std::vector<gmoe::id_type>> ids;
  for (std::uint64_t n = 0; n < 9; ++n) {
    ids.emplace_back();
    for (gmoe::index_t i = 0; i < tokens; ++i)
      ids.back().push_back(
          static_cast<gmoe::id_type>(gmoe::random_stream(n).below(static_cast<std::uint64_t>(i), 300)));
  }
  std::int64_t number = 0;
  const auto step = [&] {
    const auto n = static_cast<std::size_t>(number++);
    return training.step(number, ids[n], ids[n + 1], sequences);
  };
  const auto same_three = [&] {
    number = 0;
    for (int i = 0; i < 3; ++i) step();
  };
  const long warm_up = allocations_of([&] {
    same_three();
    if (steps == steady::again) same_three();
  });
  CHECK(warm_up > 0);
  double loss = 0;
  if (steps == steady::again) number = 0;
  CHECK(allocations_of([&] {
          for (int i = 0; i < (steps == steady::again ? 3 : 5); ++i) loss = step();
        }) == 0);
  CHECK(loss > 1);
  CHECK(loss < 10);
}
}  // namespace gmoe_test
