// What the fused operations are worth: each against the same mathematics spelled with the library's plain operations,
// forward and backward, in turns. The results of both are compared too.

#include <cmath>
#include <cstdio>
#include <numeric>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/moe/bank.hpp"
#include "gmoe/moe/body/feed_forward.hpp"
#include "gmoe/ops/attention.hpp"
#include "gmoe/ops/cross_entropy.hpp"
#include "gmoe/ops/embedding.hpp"
#include "gmoe/ops/experts.hpp"
#include "gmoe/ops/gru.hpp"
#include "gmoe/ops/matmul.hpp"
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

/// The head's products are in both; they are thin, so that the loss itself shows.
contest loss(index_t rows, index_t vocab) {
  auto x = std::make_shared<parameter<B>>("x", random_matrix(rows, 16, 1)),
       w = std::make_shared<parameter<B>>("w", random_matrix(vocab, 16, 2));
  auto t = std::make_shared<tape<B>>();
  std::vector<id_type> ids(static_cast<std::size_t>(rows));
  for (std::size_t i = 0; i < ids.size(); ++i)
    ids[i] = static_cast<id_type>(i * 7919 % static_cast<std::size_t>(vocab));
  const auto flat = id_matrix<B>::from_host(ids, 1, rows), tall = id_matrix<B>::from_host(ids, rows, 1);
  return {concat("loss ", rows, " x ", vocab),
          [=] {
            const auto l = linear_cross_entropy(variable<B>(*x, t.get()), variable<B>(*w, t.get()), flat, rows);
            t->backward(l);
            return static_cast<double>(l.value().item());
          },
          [=] {
            const auto p = softmax_rows(matmul(variable<B>(*x, t.get()), variable<B>(*w, t.get()), op::transpose));
            const auto l = scale(sum(gather_elements(log(p), tall)), -1.0 / static_cast<double>(rows));
            t->backward(l);
            return static_cast<double>(l.value().item());
          }};
}

contest attention(index_t sequence, index_t heads, index_t head) {
  const index_t d = heads * head;
  auto t = std::make_shared<tape<B>>();
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
  return {concat("attention S ", sequence, ", ", heads, " heads of ", head),
          [=] {
            const auto y = causal_attention(variable<B>(*qkv, t.get()), {1, sequence, heads}, random_stream(1));
            const auto s = sum(y);
            t->backward(s);
            return static_cast<double>(s.value().item());
          },
          [=] {
            variable<B> total;
            for (index_t h = 0; h < heads; ++h) {
              const auto part = [&](index_t which) {
                return variable<B>((*parts)[static_cast<std::size_t>(which * heads + h)], t.get());
              };
              const auto scores =
                  scale(matmul(part(0), part(1), op::transpose), 1 / std::sqrt(static_cast<double>(head)));
              const auto p = softmax_rows(add(scores, variable<B>(hidden, t.get(), false)));
              const auto y = sum(matmul(p, part(2)));
              total = total ? add(total, y) : y;
            }
            t->backward(total);
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

/// One expert per thread against threads inside every product; both sort, gather and weight in the same way.
contest experts(index_t tokens, index_t count, index_t d, index_t m) {
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
      concat("experts ", tokens, " tokens, ", count, " of ", d, " x ", m),
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
        B::gather_rows(x.view(), std::as_const(o->x).view(), std::as_const(o->pairs.order).view(), nullptr, 0, 1);
        B::fill(dy.view(), 0.5f);  // the gradient of the sum times the weight
        double total = 0;
        for (index_t e = 0; e < count; ++e) {
          const index_t at = offsets[static_cast<std::size_t>(e)], n = offsets[static_cast<std::size_t>(e) + 1] - at;
          const auto w_in = o->bank.w_in().value().view().row_block(e * m, m);
          const auto w_out = o->bank.w_out().value().view().row_block(e * m, m);
          const auto part = [&](matrix<B>& v) { return v.view().row_block(at, n); };
          B::gemm(op::none, op::transpose, 1, part(x), w_in, 0, part(h));
          B::map(
              part(h), 0, [](const auto& v) { return fn::relu{}.value(v); }, matrix_view<const float>(part(h)));
          B::gemm(op::none, op::none, 0.5f, part(h), w_out, 0, part(y));
          B::gemm(op::none, op::transpose, 1, part(dy), w_out, 0, part(dh));
          B::map(
              part(dh), 0, [](const auto& g, const auto& v) { return g * fn::relu{}.slope(v, v); },
              matrix_view<const float>(part(dh)), matrix_view<const float>(part(h)));
          B::gemm(op::none, op::none, 1, part(dh), w_in, 0, part(dx));
          B::gemm(op::transpose, op::none, 1, part(h), part(dy), 1,
                  o->bank.w_out().gradient().view().row_block(e * m, m));
          B::gemm(op::transpose, op::none, 1, part(dh), part(x), 1,
                  o->bank.w_in().gradient().view().row_block(e * m, m));
        }
        matrix<B> s(1, 1), back = matrix<B>::filled(tokens, d, 0);
        B::scatter_add_rows(back.view(), std::as_const(dx).view(), std::as_const(o->pairs.order).view());
        B::sum(s.view(), 0, 1, std::as_const(y).view());
        total = static_cast<double>(s.item());
        return total;
      }};
}

}  // namespace

int main(int argc, char** argv) {
  return run_program([&] {
    const options o(argc, argv, {"--quick"}, {"--json"});
    const int rounds = o.has("--quick") ? 5 : 15, all = B::threads();
    nlohmann::ordered_json results;
    results["environment"] = environment_json();
    print_environment();
    std::printf("%-38s %8s %12s %12s %8s %8s\n", "forward and backward", "threads", "fused ms", "plain ms", "ratio",
                "spread");
    const std::vector<std::function<contest()>> contests{
        [] { return loss(128, 50257); },           [] { return loss(1024, 256); },
        [] { return attention(128, 4, 32); },      [] { return attention(1024, 8, 64); },
        [] { return gru_cell(1024, 128); },        [] { return gru_cell(1024, 512); },
        [] { return experts(1024, 8, 128, 512); }, [] { return experts(1024, 16, 512, 2048); }};
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
        std::printf("%-38s %8d %12.3f %12.3f %8.2f %8.2f\n", c.name.c_str(), threads, 1e3 * fused, 1e3 * plain,
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
