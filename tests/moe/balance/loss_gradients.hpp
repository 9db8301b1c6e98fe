#pragma once
/// A balance loss as a function of logits, against finite differences.

#include <vector>

#include "gmoe/autograd/gradient_check.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/softmax.hpp"
#include "moe/routing_helpers.hpp"

namespace gmoe_test {

/// The worst relative error of the gradient of the loss of `policy` with the logits, for choices that stay.
template <class B, class Policy>
double loss_gradient_error(const Policy& policy, const table& logits, const std::vector<id_type>& chosen,
                           gmoe::layer_shape shape = {}, index_t batch = 1, bool sigmoid_scores = false) {
  using namespace gmoe;
  shape.experts = logits.cols;
  policy_alone<B, Policy> alone(policy, {shape});
  parameter<B> z("z", put<B>(logits));
  return check_gradients<B>({&z},
                            [&](tape<B>* tape) {
                              context<B> ctx{.tape = tape, .training = true};
                              ctx.batch = batch;
                              ctx.sequence = logits.rows / batch;
                              routing<B> r = routing_of<B>(logits, chosen);
                              r.logits = ctx.use(z);
                              r.scores = sigmoid_scores ? sigmoid(r.logits) : softmax_rows(r.logits);
                              return alone.ask(hooks::layer_loss{}, ctx, r);
                            })
      .worst;
}

}  // namespace gmoe_test
