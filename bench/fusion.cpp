// What the fused operations are worth: each against the same mathematics spelled with the library's plain operations,
// forward and backward, in turns. The results of both are compared too.

#include <cmath>
#include <cstdio>
#include <numeric>
#include <string_view>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/body/feed_forward.hpp"
#include "gmoe/ops/attention.hpp"
#include "gmoe/ops/cross_entropy.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/experts.hpp"
#include "gmoe/ops/gated_experts.hpp"
#include "gmoe/ops/gru.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/pairs.hpp"
#include "gmoe/ops/reduce.hpp"
#include "gmoe/ops/softmax.hpp"
#include "measure.hpp"
#include "options.hpp"

using namespace gmoe;
using namespace gmoe::bench;
using B = cpu<float>;

namespace {

matrix<B> random_matrix(index_t rows, index_t cols, std::uint64_t seed) {
  matrix<B> m(rows, cols);
  B::fill_uniform(m.view(), -1, 1, random_stream(seed));
  return m;
}

/// Two ways to compute one number with its gradients.
struct contest {
  std::string name;
  std::function<double()> fused, plain;
};

/// Loss and gradient of given logits: what stands between the products of the head. Both start with a copy of the
/// logits, which they use up.
contest loss(index_t rows, index_t vocab) {
  const auto logits = random_matrix(rows, vocab, 1);
  auto t = std::make_shared<tape<B>>();
  std::vector<id_type> ids(static_cast<std::size_t>(rows));
  for (std::size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<id_type>(i * 7919 % static_cast<std::size_t>(vocab));
  const auto targets = id_matrix<B>::from_host(ids, rows, 1);
  const double factor = 1 / static_cast<double>(rows);
  return {concat("loss ", rows, " x ", vocab),
          [=] {
            matrix<B> work = logits.clone(), losses(rows, 1), mean(1, 1);
            B::cross_entropy_with_gradient(work.view(), losses.view(), targets.view(), static_cast<float>(factor));
            B::sum(mean.view(), 0, static_cast<float>(factor), std::as_const(losses).view());
            return static_cast<double>(mean.item());
          },
          [=] {
            const variable<B> z(logits.clone(), t.get(), true);
            const auto l = scale(sum(gather_elements(log(softmax_rows(z)), targets)), -factor);
            t->backward(l);
            return static_cast<double>(l.value().item());
          }};
}

contest attention(index_t sequence, index_t heads, index_t head, bool training) {
  const index_t d = heads * head;
  auto t = std::make_shared<tape<B>>();
  tape<B>* const on = training ? t.get() : nullptr;
  const auto all = random_matrix(sequence, 3 * d, 2);
  auto qkv = std::make_shared<parameter<B>>("qkv", all.clone());
  // Plain operations work on whole matrices, so every head's queries, keys and values are matrices of their own.
  auto parts = std::make_shared<std::vector<parameter<B>>>();
  for (index_t part = 0; part < 3; ++part)
    for (index_t h = 0; h < heads; ++h) {
      matrix<B> m(sequence, head);
      B::map(
          m.view(), 0, [](const auto& v) { return v; }, all.view().col_block(part * d + h * head, head));
      parts->emplace_back("part", std::move(m));
    }
  std::vector<float> mask(static_cast<std::size_t>(sequence * sequence));
  for (index_t i = 0; i < sequence; ++i)
    for (index_t j = i + 1; j < sequence; ++j) mask[static_cast<std::size_t>(i * sequence + j)] = -1e9f;
  const auto hidden = matrix<B>::from_host(mask, sequence, sequence);
  return {concat("attention S ", sequence, ", ", heads, " heads of ", head, training ? "" : ", forward"),
          [=] {
            const auto y = causal_attention(variable<B>(*qkv, on), {1, sequence, heads}, random_stream(1));
            const auto s = sum(y);
            if (training) t->backward(s);
            return static_cast<double>(s.value().item());
          },
          [=] {
            variable<B> total;
            for (index_t h = 0; h < heads; ++h) {
              const auto part = [&](index_t which) {
                return variable<B>((*parts)[static_cast<std::size_t>(which * heads + h)], on);
              };
              const auto scores =
                  scale(matmul(part(0), part(1), op::transpose), 1 / std::sqrt(static_cast<double>(head)));
              const auto p = softmax_rows(add(scores, variable<B>(hidden, on, false)));
              const auto y = sum(matmul(p, part(2)));
              total = total ? add(total, y) : y;
            }
            if (training) t->backward(total);
            return static_cast<double>(total.value().item());
          }};
}

contest gru_cell(index_t tokens, index_t d) {
  struct operands {
    parameter<B> x, h, w_ih, w_hh, b_ih, b_hh;
    std::vector<parameter<B>> w_i, w_h;
    tape<B> t;
  };
  auto o = std::make_shared<operands>();
  o->x = {"x", random_matrix(tokens, d, 1)};
  o->h = {"h", random_matrix(tokens, d, 2)};
  const double small = 1 / std::sqrt(static_cast<double>(d));
  const auto weight = [&](std::uint64_t seed) {
    matrix<B> m(3 * d, d);
    B::fill_uniform(m.view(), static_cast<float>(-small), static_cast<float>(small), random_stream(seed));
    return m;
  };
  o->w_ih = {"w_ih", weight(3)};
  o->w_hh = {"w_hh", weight(4)};
  o->b_ih = {"b_ih", matrix<B>::filled(1, 3 * d, 0)};
  o->b_hh = {"b_hh", matrix<B>::filled(1, 3 * d, 0)};
  for (index_t gate = 0; gate < 3; ++gate)
    for (auto [from, to] : {std::pair{&o->w_ih, &o->w_i}, {&o->w_hh, &o->w_h}}) {
      matrix<B> m(d, d);
      B::map(
          m.view(), 0, [](const auto& v) { return v; }, std::as_const(from->value()).view().row_block(gate * d, d));
      to->emplace_back("gate", std::move(m));
    }
  return {concat("GRU cell ", tokens, " x ", d),
          [=] {
            const auto use = [&](parameter<B>& p) { return variable<B>(p, &o->t); };
            const auto s = sum(gru(use(o->x), use(o->h), use(o->w_ih), use(o->w_hh), use(o->b_ih), use(o->b_hh)));
            o->t.backward(s);
            return static_cast<double>(s.value().item());
          },
          [=] {
            const variable<B> x(o->x, &o->t), h(o->h, &o->t);
            const auto i = [&](std::size_t g) { return matmul(x, variable<B>(o->w_i[g], &o->t), op::transpose); };
            const auto w = [&](std::size_t g) { return matmul(h, variable<B>(o->w_h[g], &o->t), op::transpose); };
            const auto r = sigmoid(add(i(0), w(0))), u = sigmoid(add(i(1), w(1)));
            const auto n = tanh(add(i(2), multiply(r, w(2))));
            const auto s = sum(add(n, multiply(u, subtract(h, n))));
            o->t.backward(s);
            return static_cast<double>(s.value().item());
          }};
}

/// Who puts threads into a product: the library, which cuts it into one piece per thread, or the provider.
enum class threads_by { library, provider };

void product(threads_by who, op a_op, op b_op, matrix_view<const float> a, matrix_view<const float> b, float beta,
             matrix_view<float> c) {
  if (who == threads_by::library || c.rows == 0) return B::gemm(a_op, b_op, 1, a, b, beta, c);
  eigen::gemm_one_thread(a_op, b_op, 1.0f, a, b, beta, c, a_op == op::none ? a.cols : a.rows);
}

/// One expert per thread against an expert after the other with threads inside every product. Both gather rows sorted
/// by expert, weight them, and add them up; both make the gradients of input, weights and experts.
contest experts(index_t tokens, index_t count, index_t d, index_t m, threads_by who) {
  struct operands {
    operands(index_t tokens, index_t count, index_t d, index_t m)
        : bank(builder<B>(1), d, std::vector<index_t>(static_cast<std::size_t>(count), m), 0.02),
          visible(static_cast<std::size_t>(count)),
          pairs{tokens, 1, count, id_matrix<B>(1, tokens), id_matrix<B>(tokens, 1), id_matrix<B>(1, count + 1)},
          x(random_matrix(tokens, d, 3)),
          w(matrix<B>::filled(tokens, 1, 0.5f)) {
      std::iota(visible.begin(), visible.end(), id_type{0});
      std::vector<id_type> chosen;
      for (index_t t = 0; t < tokens; ++t)  // uneven: the first expert gets a quarter, the last few very little
        chosen.push_back(static_cast<id_type>(std::pow(random_stream(4).uniform(static_cast<std::uint64_t>(t)), 2) *
                                              static_cast<double>(count)));
      const auto ids = id_matrix<B>::from_host(chosen, tokens, 1);
      B::sort_pairs(pairs.order.view(), pairs.position.view(), pairs.offsets.view(), ids.view());
    }
    expert_bank<B> bank;
    std::vector<id_type> visible;
    dispatch<B> pairs;
    matrix<B> x, w;
    tape<B> t;
  };
  auto o = std::make_shared<operands>(tokens, count, d, m);
  auto rows = std::make_shared<std::vector<matrix<B>>>();
  for (int i = 0; i < 4; ++i) rows->emplace_back(tokens, d);
  for (int i = 0; i < 2; ++i) rows->emplace_back(tokens, m);
  return {
      concat("experts ", tokens, " tokens, ", count, " of ", d, " x ", m, ", cut by ",
             who == threads_by::library ? "gmoe" : eigen::gemm_provider),
      [=] {
        const variable<B> x(o->x, &o->t, true), w(o->w, &o->t, true);
        const auto y = sum(apply_experts(relu_expert{}, x, w, &o->pairs, variable<B>(o->bank.w_in(), &o->t),
                                         variable<B>(o->bank.w_out(), &o->t), o->bank.layout(o->visible)));
        o->t.backward(y);
        return static_cast<double>(y.value().item());
      },
      [=] {
        auto &x = (*rows)[0], &y = (*rows)[1], &dy = (*rows)[2], &dx = (*rows)[3], &h = (*rows)[4], &dh = (*rows)[5];
        const auto offsets = o->pairs.offsets.to_host();
        const auto order = std::as_const(o->pairs.order).view();
        const auto each_expert = [&](const auto& f) {
          for (index_t e = 0; e < count; ++e) {
            const index_t at = offsets[static_cast<std::size_t>(e)], n = offsets[static_cast<std::size_t>(e) + 1] - at;
            f(e * m, [at, n](matrix<B>& v) { return v.view().row_block(at, n); });
          }
        };
        const auto in = [](const matrix<B>& v) { return v.view(); };
        const auto w_in = [&](index_t unit) { return in(o->bank.w_in().value()).row_block(unit, m); };
        const auto w_out = [&](index_t unit) { return in(o->bank.w_out().value()).row_block(unit, m); };
        matrix<B> total(tokens, d), weight(tokens, 1), dw(tokens, 1), s(1, 1), back(tokens, d);

        B::gather_rows(x.view(), in(o->x), order, nullptr, 0, 1);
        B::gather_rows(weight.view(), in(o->w), order, nullptr, 0, 1);
        each_expert([&](index_t unit, const auto& part) {
          product(who, op::none, op::transpose, part(x), w_in(unit), 0, part(h));
          B::map(part(h), 0, fn::value_of<fn::relu>{}, matrix_view<const float>(part(h)));
          product(who, op::none, op::none, part(h), w_out(unit), 0, part(y));
        });
        B::fill(total.view(), 0.0f);
        B::map_with_col(dx.view(), 0, fn::times{}, in(y), in(weight));
        B::scatter_add_rows(total.view(), in(dx), order);
        B::sum(s.view(), 0, 1, in(total));

        B::fill(total.view(), 1.0f);  // the gradient of the sum
        B::gather_rows(dy.view(), in(total), order, nullptr, 0, 1);
        B::row_dots(dw.view(), 0, in(dy), in(y));
        B::map_with_col(dy.view(), 0, fn::times{}, in(dy), in(weight));
        each_expert([&](index_t unit, const auto& part) {
          product(who, op::none, op::transpose, part(dy), w_out(unit), 0, part(dh));
          B::map(part(dh), 0, fn::slope_of<fn::relu>{}, matrix_view<const float>(part(dh)),
                 matrix_view<const float>(part(h)), matrix_view<const float>(part(h)));
          product(who, op::none, op::none, part(dh), w_in(unit), 0, part(dx));
          product(who, op::transpose, op::none, part(h), part(dy), 1,
                  o->bank.w_out().gradient().view().row_block(unit, m));
          product(who, op::transpose, op::none, part(dh), part(x), 1,
                  o->bank.w_in().gradient().view().row_block(unit, m));
        });
        B::fill(back.view(), 0.0f);
        B::scatter_add_rows(back.view(), in(dx), order);
        return static_cast<double>(s.item());
      }};
}

/// Fused experts against the same body written on the tape with products of groups, as bodies without a kernel of their
/// own are: act(W_in x) between two matrices, or the gated form with three.
contest composed(index_t tokens, index_t count, index_t d, index_t m, bool gated) {
  struct operands {
    operands(index_t tokens, index_t count, index_t d, index_t m)
        : ids(uneven(tokens, count)),
          sorted(sort_by_expert<B>(ids, count)),
          pairs(sorted),
          bank(builder<B>(1), d, std::vector<index_t>(static_cast<std::size_t>(count), m), 0.02),
          visible(static_cast<std::size_t>(count)),
          w_up("w_up", random_matrix(count * m, d, 5)),
          x(random_matrix(tokens, d, 3)),
          w(matrix<B>::filled(tokens, 1, 0.5f)) {
      std::iota(visible.begin(), visible.end(), id_type{0});
    }
    static id_matrix<B> uneven(index_t tokens, index_t count) {
      std::vector<id_type> chosen;
      for (index_t t = 0; t < tokens; ++t)
        chosen.push_back(static_cast<id_type>(std::pow(random_stream(4).uniform(static_cast<std::uint64_t>(t)), 2) *
                                              static_cast<double>(count)));
      return id_matrix<B>::from_host(chosen, tokens, 1);
    }
    id_matrix<B> ids;
    dispatch<B> sorted;
    pair_groups<B> pairs;
    expert_bank<B> bank;
    std::vector<id_type> visible;
    parameter<B> w_up;
    matrix<B> x, w;
    tape<B> t;
  };
  auto o = std::make_shared<operands>(tokens, count, d, m);
  const auto finish = [=](const variable<B>& y) {
    const auto s = sum(y);
    o->t.backward(s);
    return static_cast<double>(s.value().item());
  };
  return {concat(gated ? "SwiGLU" : "ReLU", " experts ", tokens, " tokens, ", count, " of ", d, " x ", m, ", composed"),
          [=] {
            const variable<B> x(o->x, &o->t, true), w(o->w, &o->t, true), w_in(o->bank.w_in(), &o->t),
                w_out(o->bank.w_out(), &o->t);
            const auto seen = o->bank.layout(o->visible);
            if (gated)
              return finish(gated_experts(swiglu{}, x, w, &o->pairs, w_in, variable<B>(o->w_up, &o->t), w_out, seen));
            return finish(apply_experts(relu_expert{}, x, w, &o->sorted, w_in, w_out, seen));
          },
          [=] {
            const variable<B> x(o->x, &o->t, true), w(o->w, &o->t, true), w_in(o->bank.w_in(), &o->t),
                w_out(o->bank.w_out(), &o->t);
            const block_layout blocks = o->bank.layout(o->visible);
            const auto rows = gather_pairs(x, o->pairs);
            const auto from = [&](const variable<B>& matrix) {
              return grouped_matmul(rows, matrix, blocks, o->pairs, op::transpose);
            };
            const auto h = gated ? multiply(silu(from(w_in)), from(variable<B>(o->w_up, &o->t))) : relu(from(w_in));
            return finish(combine_pairs(grouped_matmul(h, w_out, blocks, o->pairs), w, o->pairs));
          }};
}

}  // namespace

int main(int argc, char** argv) {
  return run_program([&] {
    const options o(argc, argv, "Fused operations against the same mathematics spelled with plain ones.",
                    {quick_option}, {json_option});
    const int rounds = o.has("--quick") ? 5 : 15, all = B::threads();
    nlohmann::ordered_json results;
    results["environment"] = environment_json();
    print_environment();
    std::printf("%-56s %8s %12s %12s %8s %8s\n", "forward and backward", "threads", "fused ms", "plain ms", "ratio",
                "spread");
    std::vector<std::function<contest()>> contests{[] { return loss(128, 50257); }, [] { return loss(1024, 256); }};
    for (bool training : {false, true}) {
      contests.push_back([training] { return attention(128, 4, 32, training); });
      contests.push_back([training] { return attention(1024, 8, 64, training); });
    }
    contests.push_back([] { return gru_cell(1024, 128); });
    contests.push_back([] { return gru_cell(1024, 512); });
    for (threads_by who : {threads_by::library, threads_by::provider}) {
      if (who == threads_by::provider && eigen::gemm_provider != std::string_view("oneDNN"))
        continue;  // has no threads
      contests.push_back([who] { return experts(1024, 8, 128, 512, who); });
      contests.push_back([who] { return experts(1024, 16, 512, 2048, who); });
    }
    for (bool gated : {false, true}) {
      contests.push_back([gated] { return composed(1024, 8, 128, 512, gated); });
      contests.push_back([gated] { return composed(1024, 16, 512, 2048, gated); });
    }
    for (const auto& make : contests) {
      const contest c = make();
      for (int threads : {1, all}) {
        B::set_threads(threads);
        const double a = c.fused(), b = c.plain();
        require<numeric_error>(std::abs(a - b) <= 1e-3 * std::max(1.0, std::abs(b)), c.name, ": the fused form gives ",
                               a, ", the plain one ", b);
        const auto samples = in_turns(rounds, {[&] { c.fused(); }, [&] { c.plain(); }}, 0.01);
        const summary ratio = ratio_of(samples[1], samples[0]);
        const double fused = summarise(samples[0]).median, plain = summarise(samples[1]).median;
        std::printf("%-56s %8d %12.3f %12.3f %8.2f %8.2f\n", c.name.c_str(), threads, 1e3 * fused, 1e3 * plain,
                    ratio.median, ratio.spread());
        std::fflush(stdout);
        results["fusion"].push_back({{"what", c.name},
                                     {"threads", threads},
                                     {"fused_ms", 1e3 * fused},
                                     {"plain_ms", 1e3 * plain},
                                     {"ratio", ratio.median},
                                     {"spread", ratio.spread()}});
        if (all == 1) break;
      }
    }
    write_json(o, results);
  });
}
