#pragma once
/// The operations of a GMoE step, one by one and on any backend: their operands, the call to time, and the FLOPs and
/// bytes that the operation needs. Bytes count each operand once, as if nothing were in cache.

#include <algorithm>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "gmoe/autograd/tape.hpp"
#include "gmoe/backend/arguments.hpp"
#include "gmoe/core/functions.hpp"
#include "gmoe/core/random.hpp"
#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/body/feed_forward.hpp"
#include "gmoe/moe/routing.hpp"
#include "gmoe/ops/experts.hpp"
#include "gmoe/ops/reduce.hpp"

namespace gmoe::bench {

/// `make()` prepares the operands and returns the call.
struct operation {
  std::string name;
  double flops = 0, bytes = 0;
  std::function<std::function<void()>()> make;
};

/// The operations on backend B, in single precision.
template <class B>
struct operations {
  static operation product(const std::string& form, index_t m, index_t k, index_t n, op a = op::none, op b = op::none) {
    return {concat("gemm/", form, "/", m, "x", k, "x", n), 2.0 * static_cast<double>(m * k) * static_cast<double>(n),
            floats(m * k + k * n + m * n), [=] {
              auto left = shared(a == op::none ? random(m, k) : random(k, m));
              auto right = shared(b == op::none ? random(k, n, 2) : random(n, k, 2));
              auto result = shared(matrix<B>(m, n));
              return [=] { B::gemm(a, b, 1, in(left), in(right), 0, result->view()); };
            }};
  }

  /// `tokens` spread unevenly over `experts`, as by a router at its start.
  static operation experts(index_t tokens, index_t count, index_t d, index_t m, bool training) {
    return {concat("experts/", training ? "forward_backward/" : "forward/", tokens, "_tokens/", count, "_experts/", d,
                   "x", m),
            4.0 * static_cast<double>(tokens * d) * static_cast<double>(m) * (training ? 3 : 1),
            floats(count * 2 * d * m) * (training ? 3 : 1), [=] {
              auto s = std::make_shared<expert_operands>(tokens, count, d, m);
              return [s, training] {
                tape<B>* const on = training ? &s->t : nullptr;
                const variable<B> x(s->x, on, training), w(s->w, on, training);
                const auto y = apply_experts(relu_expert{}, x, w, &s->pairs, variable<B>(s->bank.w_in(), on),
                                             variable<B>(s->bank.w_out(), on), s->bank.layout(s->visible));
                if (training) s->t.backward(sum(y));
              };
            }};
  }

  static operation attention_forward(index_t sequence, index_t batch, index_t heads, index_t head) {
    const attention_shape shape{batch, sequence, heads};
    const index_t d = heads * head, tokens = batch * sequence;
    return {concat("attention/forward/S", sequence, "/", batch, "x", heads, "x", head), attention_work(shape, d),
            floats(tokens * 4 * d), [=] {
              auto qkv = shared(random(tokens, 3 * d)), y = shared(matrix<B>(tokens, d)),
                   lse = shared(matrix<B>(tokens, heads));
              return [=] { B::attention(y->view(), lse->view(), in(qkv), shape, random_stream(1)); };
            }};
  }
  static operation attention_backward(index_t sequence, index_t batch, index_t heads, index_t head) {
    const attention_shape shape{batch, sequence, heads};
    const index_t d = heads * head, tokens = batch * sequence;
    return {
        concat("attention/backward/S", sequence, "/", batch, "x", heads, "x", head), 2.5 * attention_work(shape, d),
        floats(tokens * 8 * d), [=] {
          auto qkv = shared(random(tokens, 3 * d)), dy = shared(random(tokens, d, 2)), y = shared(matrix<B>(tokens, d)),
               lse = shared(matrix<B>(tokens, heads)), dqkv = shared(matrix<B>(tokens, 3 * d));
          B::attention(y->view(), lse->view(), in(qkv), shape, random_stream(1));
          return [=] { B::attention_backward(dqkv->view(), in(dy), in(y), in(lse), in(qkv), shape, random_stream(1)); };
        }};
  }

  static operation layer_norm_forward(index_t rows, index_t d) {
    return {concat("layer_norm/forward/", rows, "x", d), 0, floats(2 * rows * d), [=] {
              auto x = shared(random(rows, d)), y = shared(matrix<B>(rows, d)), moments = shared(matrix<B>(rows, 2)),
                   gain = shared(random(1, d));
              return [=] { B::layer_norm(y->view(), moments->view(), in(x), in(gain), in(gain), 1e-5f); };
            }};
  }
  static operation layer_norm_backward(index_t rows, index_t d) {
    return {concat("layer_norm/backward/", rows, "x", d), 0, floats(3 * rows * d), [=] {
              auto x = shared(random(rows, d)), y = shared(matrix<B>(rows, d)), moments = shared(matrix<B>(rows, 2)),
                   dx = shared(matrix<B>(rows, d)), gain = shared(random(1, d)), dgain = shared(random(1, d)),
                   dbias = shared(random(1, d));
              B::layer_norm(y->view(), moments->view(), in(x), in(gain), in(gain), 1e-5f);
              return [=] {
                B::layer_norm_backward(dx->view(), 0, dgain->view(), dbias->view(), in(y), in(x), in(moments),
                                       in(gain));
              };
            }};
  }

  static operation gru_gates(index_t rows, index_t d) {
    return {concat("gru_gates/forward/", rows, "x", d), 0, floats(10 * rows * d), [=] {
              auto gates = shared(random(rows, 4 * d)), h = shared(random(rows, d)), next = shared(matrix<B>(rows, d)),
                   bias = shared(matrix<B>::filled(1, 3 * d, 0));
              // The gates are overwritten: each call works on the results of the one before, all of them below 1.
              return [=] {
                const auto before = in(h);
                B::gru_gates(next->view(), gates->view(), in(bias), in(bias), &before);
              };
            }};
  }

  static operation softmax(index_t rows, index_t cols) {
    return {concat("softmax/", rows, "x", cols), 0, floats(2 * rows * cols), [=] {
              auto x = shared(random(rows, cols)), y = shared(matrix<B>(rows, cols));
              return [=] { B::softmax_rows(y->view(), in(x)); };
            }};
  }

  static operation top_k(index_t rows, index_t cols, index_t k) {
    return {concat("top_", k, "/", rows, "x", cols), 0, floats(rows * (cols + 2 * k)), [=] {
              auto x = shared(random(rows, cols));
              auto chosen = std::make_shared<id_matrix<B>>(rows, k);
              return [=] { B::top_k_rows(chosen->view(), in(x)); };
            }};
  }

  /// The loss and its gradient, written over the logits.
  static operation cross_entropy(index_t rows, index_t vocab) {
    return {concat("cross_entropy/with_gradient/", rows, "x", vocab), 0, floats(2 * rows * vocab), [=] {
              std::vector<id_type> ids(static_cast<std::size_t>(rows));
              for (std::size_t i = 0; i < ids.size(); ++i)
                ids[i] = static_cast<id_type>(random_stream(3).below(i, static_cast<std::uint64_t>(vocab)));
              auto p = shared(random(rows, vocab)), loss = shared(matrix<B>(rows, 1));
              auto targets = std::make_shared<id_matrix<B>>(id_matrix<B>::from_host(ids, 1, rows));
              // Each call replaces the gradients of the one before by theirs: numbers like logits, of less variety.
              return
                  [=] { B::cross_entropy_with_gradient(p->view(), loss->view(), std::as_const(*targets).view(), 1); };
            }};
  }

  static operation adamw(index_t rows, index_t cols) {
    return {concat("adamw/", rows, "x", cols), 0, floats(7 * rows * cols), [=] {
              auto p = shared(random(rows, cols)), m = shared(matrix<B>::filled(rows, cols, 0)),
                   v = shared(matrix<B>::filled(rows, cols, 0)), g = shared(matrix<B>::filled(rows, cols, 0));
              const fn::adamw_step<float> step{1, 0.9f, 0.95f, 1e-9f, 1, 1e-8f, 1};
              return [=] { B::adamw(p->view(), m->view(), v->view(), g->view(), step); };
            }};
  }

 private:
  static double floats(index_t count) { return 4.0 * static_cast<double>(count); }
  static double attention_work(const attention_shape& s, index_t d) {
    return 2.0 * static_cast<double>(s.batch * s.sequence * d) * static_cast<double>(s.sequence + 1);
  }

  static matrix<B> random(index_t rows, index_t cols, std::uint64_t seed = 1) {
    matrix<B> m(rows, cols);
    B::fill_uniform(m.view(), -1, 1, random_stream(seed));
    return m;
  }
  static std::shared_ptr<matrix<B>> shared(matrix<B> m) { return std::make_shared<matrix<B>>(std::move(m)); }
  static matrix_view<const float> in(const std::shared_ptr<matrix<B>>& m) { return std::as_const(*m).view(); }

  /// Expert e gets a share of 1 / (e + 1).
  static id_matrix<B> uneven_choices(index_t tokens, index_t experts) {
    std::vector<double> until;
    double sum = 0;
    for (index_t e = 0; e < experts; ++e) until.push_back(sum += 1.0 / static_cast<double>(e + 1));
    std::vector<id_type> chosen(static_cast<std::size_t>(tokens));
    for (std::size_t t = 0; t < chosen.size(); ++t) {
      const double aim = random_stream(5).uniform(t) * sum;
      chosen[t] = static_cast<id_type>(std::lower_bound(until.begin(), until.end(), aim) - until.begin());
    }
    return id_matrix<B>::from_host(chosen, tokens, 1);
  }

  struct expert_operands {
    expert_operands(index_t tokens, index_t experts, index_t d, index_t m)
        : bank(builder<B>(1), d, std::vector<index_t>(static_cast<std::size_t>(experts), m), 0.02),
          visible(static_cast<std::size_t>(experts)),
          pairs{tokens, 1, experts, id_matrix<B>(1, tokens), id_matrix<B>(tokens, 1), id_matrix<B>(1, experts + 1)},
          x(random(tokens, d)),
          w(matrix<B>::filled(tokens, 1, 0.5f)) {
      std::iota(visible.begin(), visible.end(), id_type{0});
      const id_matrix<B> chosen = uneven_choices(tokens, experts);
      B::sort_pairs(pairs.order.view(), pairs.position.view(), pairs.offsets.view(), chosen.view());
    }
    expert_bank<B> bank;
    std::vector<id_type> visible;
    dispatch<B> pairs;
    matrix<B> x, w;
    tape<B> t;
  };
};

/// A step of this model operation by operation, the forms and sizes that take most of its time.
template <class B>
std::vector<operation> operations_of(index_t tokens, index_t sequence, index_t d, index_t heads, index_t experts,
                                     index_t vocab) {
  using o = operations<B>;
  const index_t m = 4 * d, batch = tokens / sequence;
  return {o::product("forward", tokens, d, m),
          o::product("input_gradient", tokens, m, d, op::none, op::transpose),
          o::product("weight_gradient", d, tokens, m, op::transpose, op::none),
          o::product("head", tokens, d, vocab, op::none, op::transpose),
          o::experts(tokens, experts, d, m, false),
          o::experts(tokens, experts, d, m, true),
          o::attention_forward(sequence, batch, heads, d / heads),
          o::attention_backward(sequence, batch, heads, d / heads),
          o::layer_norm_forward(tokens, d),
          o::layer_norm_backward(tokens, d),
          o::gru_gates(tokens, d),
          o::softmax(tokens, experts),
          o::top_k(tokens, experts, 1),
          o::cross_entropy(tokens, vocab),
          o::adamw(experts * m, d)};
}

}  // namespace gmoe::bench
