#pragma once
/// AdamW (Loshchilov & Hutter, ICLR 2019): Adam with decoupled weight decay.
///
///     p = p (1 - lr wd)      m = b1 m + (1 - b1) g      v = b2 v + (1 - b2) g^2
///     p = p - lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps)

#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "gmoe/autograd/parameter.hpp"
#include "gmoe/core/functions.hpp"

namespace gmoe {

/// The recipe of GMoE's authors by default: every parameter decays, biases and norms included.
struct adamw_options {
  double beta1 = 0.9, beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.1;
  /// The decay of a parameter by its name, for other choices than "every parameter the same".
  std::function<double(const std::string& name)> decay_of = {};
};

template <class B>
class adamw {
 public:
  explicit adamw(std::vector<parameter<B>*> parameters, adamw_options options = {})
      : options_(std::move(options)), parameters_(std::move(parameters)) {
    for (parameter<B>* p : parameters_) {
      first_.push_back(matrix<B>::filled(p->rows(), p->cols(), typename B::scalar(0)));
      second_.push_back(matrix<B>::filled(p->rows(), p->cols(), typename B::scalar(0)));
      decay_.push_back(options_.decay_of ? options_.decay_of(p->name()) : options_.weight_decay);
    }
  }

  /// One update with gradients multiplied by `gradient_scale` (clipping, averaging). Forgets the gradients.
  void step(double learning_rate, double gradient_scale = 1.0) {
    forget_moments();
    ++steps_;
    const auto t = static_cast<double>(steps_);
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      using scalar = typename B::scalar;
      fn::adamw_step<scalar> s;
      s.decay = static_cast<scalar>(1 - learning_rate * decay_[i]);
      s.beta1 = static_cast<scalar>(options_.beta1);
      s.beta2 = static_cast<scalar>(options_.beta2);
      s.step_size = static_cast<scalar>(learning_rate / (1 - std::pow(options_.beta1, t)));
      s.inverse_root_bias2 = static_cast<scalar>(1 / std::sqrt(1 - std::pow(options_.beta2, t)));
      s.epsilon = static_cast<scalar>(options_.epsilon);
      s.gradient_scale = static_cast<scalar>(gradient_scale);
      parameter<B>& p = *parameters_[i];
      if (!p.trained()) continue;
      B::adamw(p.value().view(), first_[i].view(), second_[i].view(), std::as_const(p.gradient()).view(), s);
      p.forget_gradient();
    }
  }

  const std::vector<parameter<B>*>& parameters() const { return parameters_; }
  const adamw_options& options() const { return options_; }
  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }

  /// Visits the moments: visit(parameter name, first moment, second moment).
  void each_moment(auto&& visit) {
    forget_moments();
    for (std::size_t i = 0; i < parameters_.size(); ++i) visit(parameters_[i]->name(), first_[i], second_[i]);
  }

 private:
  /// Those of rows that begin anew (parameter::forget_moments) become zero.
  void forget_moments() {
    for (std::size_t i = 0; i < parameters_.size(); ++i)
      for (const index_t row : parameters_[i]->take_forgotten_moments())
        for (matrix<B>* const m : {&first_[i], &second_[i]})
          B::fill(m->view().row_block(row, 1), typename B::scalar(0));
  }

  adamw_options options_;
  std::vector<parameter<B>*> parameters_;
  std::vector<matrix<B>> first_, second_;
  std::vector<double> decay_;
  std::int64_t steps_ = 0;
};

}  // namespace gmoe
