// One of several translation units of one program, each compiled with other flags: a small block of a model, there and
// back. Products, packs of vector registers, threads and generated numbers are what flags change.
#include "part.hpp"

#include <cmath>
#include <typeinfo>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/ops/attention.hpp"
#include "gmoe/ops/cross_entropy.hpp"
#include "gmoe/ops/elementwise.hpp"
#include "gmoe/ops/layer_norm.hpp"
#include "gmoe/ops/matmul.hpp"

part GMOE_PART() {
  using B = gmoe::cpu<float>;
  constexpr gmoe::index_t sequences = 3, length = 12, width = 24, vocab = 11;
  const auto weights = [](const char* name, gmoe::index_t rows, gmoe::index_t cols) {
    gmoe::matrix<B> w(rows, cols);
    B::fill_uniform(w.view(), -0.5, 0.5, gmoe::random_stream(1).fork(name));
    return gmoe::parameter<B>(name, std::move(w));
  };
  gmoe::parameter<B> x = weights("x", sequences * length, width), gain = weights("gain", 1, width),
                     bias = weights("bias", 1, width), qkv = weights("qkv", 3 * width, width),
                     into = weights("into", 40, width), out = weights("out", width, 40),
                     head = weights("head", vocab, width);
  std::vector<gmoe::id_type> targets;
  for (gmoe::id_type i = 0; i < sequences * length; ++i) targets.push_back(i * 5 % vocab);

  gmoe::tape<B> tape;
  const auto use = [&](gmoe::parameter<B>& p) { return gmoe::variable<B>(p, &tape); };
  const auto normal = gmoe::layer_norm(use(x), use(gain), use(bias), 1e-5);
  const gmoe::attention_shape shape{.batch = sequences, .sequence = length, .heads = 2};
  const auto mixed =
      gmoe::causal_attention(gmoe::matmul(normal, use(qkv), gmoe::op::transpose), shape, gmoe::random_stream(2));
  const auto hidden = gmoe::gelu(gmoe::matmul(mixed, use(into), gmoe::op::transpose));
  const auto y = gmoe::matmul(hidden, use(out), gmoe::op::transpose);
  const auto loss =
      gmoe::cross_entropy(gmoe::matmul(y, use(head), gmoe::op::transpose),
                          gmoe::id_matrix<B>::from_host(targets, sequences * length, 1), sequences * length);
  tape.backward(loss);
  double squares = 0;
  for (gmoe::parameter<B>* p : {&x, &gain, &bias, &qkv, &into, &out, &head})
    for (const float g : p->gradient().to_host()) squares += static_cast<double>(g) * static_cast<double>(g);
  return {gmoe::eigen::gemm_provider, typeid(B).name(), static_cast<double>(loss.value().item()), std::sqrt(squares)};
}
