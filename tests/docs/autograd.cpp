// The code of docs/autograd.md: a first tape, and two backward passes written out by hand, which must give the tape's
// gradients.
#include <algorithm>
#include <cmath>
#include <iostream>
#include <vector>

#include "gmoe/autograd/gradient_check.hpp"
#include "gmoe/backend/cpu.hpp"
#include "gmoe/moe/balance/switch_loss.hpp"
#include "gmoe/moe/body/feed_forward.hpp"
#include "gmoe/moe/gate/gate.hpp"
#include "gmoe/moe/kept.hpp"
#include "gmoe/moe/router/global_router.hpp"
#include "gmoe/moe/score/softmax_score.hpp"
#include "gmoe/moe/select/top_k.hpp"
#include "gmoe/ops/experts.hpp"
#include "gmoe/ops/matmul.hpp"
#include "gmoe/ops/reduce.hpp"

namespace {

// [first]
/// d/dw of sum((x w)^2) is 2 x' x w.
bool first_tape() {
  using B = gmoe::cpu<double>;
  gmoe::parameter<B> w("w", gmoe::matrix<B>::filled(2, 1, 3.0));
  const gmoe::variable<B> x(gmoe::matrix<B>::from_host(std::vector<double>{1, 2}, 1, 2));  // a constant

  gmoe::tape<B> tape;
  const auto y = matmul(x, gmoe::variable<B>(w, &tape));  // 9, and one step on the tape
  const auto loss = sum(square(y));                       // 81, and two more
  tape.backward(loss);                                    // the three steps, last first; the tape is empty again

  return loss.value().item() == 81 && w.gradient().to_host() == std::vector<double>{18, 36};
}
// [/first]

// [helpers]
using vec = std::vector<double>;
using mat = std::vector<vec>;  // rows

vec times(const mat& w, const vec& x) {  // W x
  vec y(w.size(), 0.0);
  for (std::size_t i = 0; i < w.size(); ++i)
    for (std::size_t j = 0; j < x.size(); ++j) y[i] += w[i][j] * x[j];
  return y;
}
vec transposed_times(const mat& w, const vec& y) {  // W' y
  vec x(w[0].size(), 0.0);
  for (std::size_t i = 0; i < w.size(); ++i)
    for (std::size_t j = 0; j < x.size(); ++j) x[j] += w[i][j] * y[i];
  return x;
}
void add_outer(mat& dw, const vec& a, const vec& b) {  // dW += a b'
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < b.size(); ++j) dw[i][j] += a[i] * b[j];
}
void add_to(vec& a, const vec& b) {
  for (std::size_t i = 0; i < b.size(); ++i) a[i] += b[i];
}
double dot(const vec& a, const vec& b) {
  double s = 0;
  for (std::size_t i = 0; i < a.size(); ++i) s += a[i] * b[i];
  return s;
}
// [/helpers]

// [expert]
/// One expert for one token, y = w W2 relu(W1 x). From dy to all four gradients; dw is returned.
double expert_backward(const mat& w1, const mat& w2, const vec& x, double w, const vec& dy, mat& dw1, mat& dw2,
                       vec& dx) {
  const vec a = times(w1, x);  // kept from the forward pass
  vec h = a;
  for (double& v : h) v = std::max(v, 0.0);

  const vec dh = transposed_times(w2, dy);  // of E = W2 h, still without the weight
  const double dw = dot(dh, h);             // <dy, W2 h> = <W2' dy, h>: E itself need not be kept
  vec da = dh, w_dy = dy;
  for (std::size_t i = 0; i < a.size(); ++i) da[i] = w * dh[i] * (a[i] > 0 ? 1 : 0);
  for (double& v : w_dy) v *= w;

  add_outer(dw2, w_dy, h);
  add_outer(dw1, da, x);
  add_to(dx, transposed_times(w1, da));
  return dw;
}
// [/expert]

// [kept]
/// The router's parameters: the GRU is every layer's, the rest one layer's own.
struct gru_weights {
  mat w_ih, w_hh;  // 3d x d, gates r, u, n
  vec b_ih, b_hh;
};
struct head_weights {
  vec h_gain, h_bias, z_gain, z_bias;
  mat w_z, w_g;  // d x N, N x 2d
};
/// What the forward pass of one layer keeps of one token.
struct kept {
  vec x, h_before, r, u, n, v, h;  // GRU
  vec h_hat, z_hat;                // normalised, before gain and bias
  double h_rstd = 0, z_rstd = 0;
  vec features, p;    // [hn ; e], softmax(z)
  std::size_t s = 0;  // argmax p
};
// [/kept]

// [norm]
/// y = (x - mean) rstd gain + bias. Gives x_hat = (x - mean) rstd, from which the backward pass works.
vec norm(const vec& x, const vec& gain, const vec& bias, vec& x_hat, double& rstd) {
  const double n = static_cast<double>(x.size());
  double mean = 0, variance = 0;
  for (double v : x) mean += v / n;
  for (double v : x) variance += (v - mean) * (v - mean) / n;
  rstd = 1 / std::sqrt(variance + 1e-5);
  vec y(x.size());
  x_hat = y;
  for (std::size_t i = 0; i < x.size(); ++i) {
    x_hat[i] = (x[i] - mean) * rstd;
    y[i] = x_hat[i] * gain[i] + bias[i];
  }
  return y;
}
vec norm_backward(const vec& dy, const vec& gain, const vec& x_hat, double rstd, vec& dgain, vec& dbias) {
  const double n = static_cast<double>(dy.size());
  double mean_g = 0, mean_gx = 0;
  for (std::size_t i = 0; i < dy.size(); ++i) {
    dgain[i] += dy[i] * x_hat[i];
    dbias[i] += dy[i];
    mean_g += dy[i] * gain[i] / n;
    mean_gx += dy[i] * gain[i] * x_hat[i] / n;
  }
  vec dx(dy.size());
  for (std::size_t i = 0; i < dy.size(); ++i) dx[i] = rstd * (dy[i] * gain[i] - mean_g - x_hat[i] * mean_gx);
  return dx;
}
// [/norm]

// [router-forward]
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// Equations (1) to (7) for one token; `h` and `z` come from the layer before and leave for the next.
kept router_forward(const gru_weights& gru, const head_weights& head, const vec& x, vec& h, vec& z) {
  const std::size_t d = x.size();
  kept k;
  k.x = x;
  k.h_before = h;
  const vec from_x = times(gru.w_ih, x), from_h = times(gru.w_hh, h);
  k.r = k.u = k.n = k.v = vec(d);
  for (std::size_t i = 0; i < d; ++i) {
    k.r[i] = sigmoid(from_x[i] + gru.b_ih[i] + from_h[i] + gru.b_hh[i]);
    k.u[i] = sigmoid(from_x[d + i] + gru.b_ih[d + i] + from_h[d + i] + gru.b_hh[d + i]);
    k.v[i] = from_h[2 * d + i] + gru.b_hh[2 * d + i];
    k.n[i] = std::tanh(from_x[2 * d + i] + gru.b_ih[2 * d + i] + k.r[i] * k.v[i]);
    h[i] = (1 - k.u[i]) * k.n[i] + k.u[i] * h[i];
  }
  k.h = h;
  k.features = norm(h, head.h_gain, head.h_bias, k.h_hat, k.h_rstd);                    // hn
  const vec e = times(head.w_z, norm(z, head.z_gain, head.z_bias, k.z_hat, k.z_rstd));  // of sg(z)
  k.features.insert(k.features.end(), e.begin(), e.end());
  z = times(head.w_g, k.features);
  k.p = z;
  double sum = 0;
  for (double& v : k.p) sum += v = std::exp(v);
  for (double& v : k.p) v /= sum;
  k.s = static_cast<std::size_t>(std::max_element(k.p.begin(), k.p.end()) - k.p.begin());
  return k;
}
// [/router-forward]

// [router-backward]
/// One layer backwards, for one token. `dp_s` is <dy, E_s(x)>, `balance` alpha N / (T L), `f` the layer's fractions.
/// `dh` holds what has arrived from the next layer (zeros in the last one) and leaves for the layer before.
void router_backward(const gru_weights& gru, const head_weights& head, const kept& k, double dp_s, double balance,
                     const vec& f, gru_weights& d_gru, head_weights& d_head, vec& dx, vec& dh) {
  const std::size_t d = k.x.size(), experts = k.p.size();

  // Softmax, of the weight p_s and of the balance loss.
  vec dz(experts);
  for (std::size_t j = 0; j < experts; ++j)
    dz[j] = dp_s * k.p[k.s] * ((j == k.s ? 1 : 0) - k.p[j]) + balance * k.p[j] * (f[j] - dot(f, k.p));

  // The head: z = W_g [hn ; e].
  add_outer(d_head.w_g, dz, k.features);
  const vec d_features = transposed_times(head.w_g, dz);
  const vec d_hn(d_features.begin(), d_features.begin() + static_cast<std::ptrdiff_t>(d));
  const vec de(d_features.begin() + static_cast<std::ptrdiff_t>(d), d_features.end());

  // The logit path: e = W_z LN_z(q). What norm_backward returns is dq; q is cut off, so it goes nowhere.
  vec normed(experts);
  for (std::size_t i = 0; i < experts; ++i) normed[i] = k.z_hat[i] * head.z_gain[i] + head.z_bias[i];
  add_outer(d_head.w_z, de, normed);
  norm_backward(transposed_times(head.w_z, de), head.z_gain, k.z_hat, k.z_rstd, d_head.z_gain, d_head.z_bias);

  // The state path: hn = LN_h(h), and h also went to the next layer.
  add_to(dh, norm_backward(d_hn, head.h_gain, k.h_hat, k.h_rstd, d_head.h_gain, d_head.h_bias));

  // The GRU: h = (1 - u) n + u h_before.
  vec da(3 * d), da_hidden(3 * d), dh_before(d);
  for (std::size_t i = 0; i < d; ++i) {
    const double dn = dh[i] * (1 - k.u[i]), du = dh[i] * (k.h_before[i] - k.n[i]);
    const double da_n = dn * (1 - k.n[i] * k.n[i]), dr = da_n * k.v[i];
    da[i] = da_hidden[i] = dr * k.r[i] * (1 - k.r[i]);
    da[d + i] = da_hidden[d + i] = du * k.u[i] * (1 - k.u[i]);
    da[2 * d + i] = da_n;
    da_hidden[2 * d + i] = da_n * k.r[i];  // dv: the reset gate stands between
    dh_before[i] = dh[i] * k.u[i];
  }
  add_outer(d_gru.w_ih, da, k.x);
  add_outer(d_gru.w_hh, da_hidden, k.h_before);
  add_to(d_gru.b_ih, da);
  add_to(d_gru.b_hh, da_hidden);
  add_to(dx, transposed_times(gru.w_ih, da));
  add_to(dh_before, transposed_times(gru.w_hh, da_hidden));
  dh = dh_before;
}
// [/router-backward]

// What follows compares with the tape.
using B = gmoe::cpu<double>;
using gmoe::index_t;

mat rows_of(const gmoe::matrix<B>& m) {
  const vec all = m.to_host();
  mat rows;
  for (index_t i = 0; i < m.rows(); ++i)
    rows.emplace_back(all.begin() + i * m.cols(), all.begin() + (i + 1) * m.cols());
  return rows;
}
mat zeros_like(const mat& m) { return mat(m.size(), vec(m[0].size(), 0.0)); }

/// Largest difference, over the largest entry.
double difference(const mat& a, const mat& b) {
  double worst = 0, largest = 1e-12;
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < a[i].size(); ++j) {
      const double error = std::abs(a[i][j] - b[i][j]);
      if (!(error <= worst)) worst = error;  // not a number stays
      largest = std::max(largest, std::abs(b[i][j]));
    }
  return worst / largest;
}
bool all_equal = true;
void compare(const char* what, const mat& by_hand, gmoe::parameter<B>& p) {
  const double error = difference(by_hand, rows_of(p.gradient()));
  if (error < 1e-11) return;
  std::cerr << what << ": the tape's gradient differs by " << error << "\n";
  all_equal = false;
}
void compare(const char* what, const vec& by_hand, gmoe::parameter<B>& p) { compare(what, mat{by_hand}, p); }

const gmoe::builder<B> make(7);

void check_expert() {
  const index_t d = 5, units = 7;
  gmoe::parameter<B> w_in = make.normal("w_in", units, d, 1), w_out = make.normal("w_out", units, d, 1);
  gmoe::parameter<B> x = make.normal("x", 1, d, 1), w = make.constant("w", 1, 1, 0.7);
  const vec dy = make.normal("dy", 1, d, 1).value().to_host();

  // A bank of one expert, and one token that chose it.
  const std::vector<index_t> first_unit{0, units};
  const std::vector<gmoe::id_type> visible{0};
  gmoe::dispatch<B> pairs{1, 1, 1, gmoe::id_matrix<B>(1, 1), gmoe::id_matrix<B>(1, 1), gmoe::id_matrix<B>(1, 2)};
  B::sort_pairs(pairs.order.view(), pairs.position.view(), pairs.offsets.view(),
                gmoe::id_matrix<B>::filled(1, 1, 0).view());
  gmoe::tape<B> tape;
  const auto use = [&](gmoe::parameter<B>& p) { return gmoe::variable<B>(p, &tape); };
  const auto y = apply_experts(gmoe::relu_expert{}, use(x), use(w), &pairs, use(w_in), use(w_out),
                               gmoe::expert_layout<B>{first_unit.data(), visible.data(), 1, units});
  tape.backward(gmoe::dot(y, gmoe::variable<B>(gmoe::matrix<B>::from_host(dy, 1, d), &tape, false)));

  const mat w1 = rows_of(w_in.value()), bank = rows_of(w_out.value());
  mat w2(static_cast<std::size_t>(d), vec(static_cast<std::size_t>(units)));  // the bank keeps its transpose
  for (std::size_t i = 0; i < w2.size(); ++i)
    for (std::size_t j = 0; j < bank.size(); ++j) w2[i][j] = bank[j][i];
  mat dw1 = zeros_like(w1), dw2 = zeros_like(w2), d_bank = zeros_like(bank);
  vec dx(static_cast<std::size_t>(d), 0.0);
  const double dw = expert_backward(w1, w2, x.value().to_host(), 0.7, dy, dw1, dw2, dx);
  for (std::size_t i = 0; i < w2.size(); ++i)
    for (std::size_t j = 0; j < bank.size(); ++j) d_bank[j][i] = dw2[i][j];
  compare("expert W1", dw1, w_in);
  compare("expert W2", d_bank, w_out);
  compare("expert x", dx, x);
  compare("expert weight", vec{dw}, w);
}

void check_router() {
  const index_t d = 4, experts = 3, tokens = 6, layers = 3;
  using router = gmoe::global_router<gmoe::hidden_state, gmoe::propagated_logits>;
  const gmoe::switch_loss balancing{.alpha = 0.3};
  const auto shape = [&](index_t l) {
    return gmoe::layer_shape{{.d_model = d, .layers = layers, .experts = experts}, l, l, layers};
  };
  auto shared = router{}.make_shared(make.scope("router"), shape(0));
  std::vector<router::layer<B>> heads;
  std::vector<gmoe::parameter<B>> x, task;  // what comes in, and dp_s of every token
  for (index_t l = 0; l < layers; ++l) {
    heads.push_back(router{}.make_layer(make.scope("router", l), shape(l)));
    for (auto* p :
         {&heads.back().h_ln.gain, &heads.back().h_ln.bias, &heads.back().z_ln->gain, &heads.back().z_ln->bias})
      *p = make.scope("norm", l).normal(p->name(), 1, p->cols(), 1);
    x.push_back(make.normal("x" + std::to_string(l), tokens, d, 1));
    task.push_back(make.normal("task" + std::to_string(l), tokens, 1, 1));
  }
  shared.gru->b_ih = make.normal("b_ih", 1, 3 * d, 0.5);
  shared.gru->b_hh = make.normal("b_hh", 1, 3 * d, 0.5);

  // By the tape.
  gmoe::tape<B> tape;
  gmoe::context<B> ctx{.tape = &tape};
  router::carried<B> carried;
  gmoe::variable<B> loss;
  std::vector<mat> fractions;
  for (index_t l = 0; l < layers; ++l) {
    auto& layer = heads[static_cast<std::size_t>(l)];
    gmoe::routing<B> r;
    r.experts = experts;
    const gmoe::layer_shape here = shape(l);
    const gmoe::place<B> at{ctx, here};
    const gmoe::own<router::layer<B>, router::shared<B>, router::carried<B>> my{layer, shared, carried};
    r.logits = router{}.logits(at, at.use(x[static_cast<std::size_t>(l)]), my);
    r.scores = gmoe::softmax_score{}.scores(at, r);
    r.chosen = gmoe::top_k{.k = 1}.choose(at, r);
    r.weights = gmoe::selected_score{}.weights(at, r);
    fractions.push_back(rows_of(chosen_fractions(r).value()));
    const auto term = add(gmoe::dot(r.weights, ctx.constant(task[static_cast<std::size_t>(l)].value())),
                          scale(balancing.layer_loss(at, r), 1.0 / static_cast<double>(layers)));
    loss = loss ? add(loss, term) : term;
  }
  tape.backward(loss);

  // By hand, token by token.
  const auto weights = [](gmoe::parameter<B>& p) { return rows_of(p.value()); };
  const auto row = [](gmoe::parameter<B>& p) { return p.value().to_host(); };
  const gru_weights gru{weights(shared.gru->w_ih), weights(shared.gru->w_hh), row(shared.gru->b_ih),
                        row(shared.gru->b_hh)};
  gru_weights d_gru{zeros_like(gru.w_ih), zeros_like(gru.w_hh), vec(gru.b_ih.size(), 0.0), vec(gru.b_hh.size(), 0.0)};
  std::vector<head_weights> head, d_head;
  std::vector<mat> dx;
  for (index_t l = 0; l < layers; ++l) {
    auto& h = heads[static_cast<std::size_t>(l)];
    head.push_back({row(h.h_ln.gain), row(h.h_ln.bias), row(h.z_ln->gain), row(h.z_ln->bias), weights(*h.z_proj),
                    weights(h.gate)});
    d_head.push_back({vec(d, 0.0), vec(d, 0.0), vec(experts, 0.0), vec(experts, 0.0), zeros_like(head.back().w_z),
                      zeros_like(head.back().w_g)});
    dx.push_back(zeros_like(rows_of(x[static_cast<std::size_t>(l)].value())));
  }
  const double balance = balancing.alpha * static_cast<double>(experts) / static_cast<double>(tokens * layers);
  for (std::size_t t = 0; t < static_cast<std::size_t>(tokens); ++t) {
    std::vector<kept> pass;
    vec h(d, 0.0), z(experts, 0.0), dh(d, 0.0);
    for (std::size_t l = 0; l < head.size(); ++l)
      pass.push_back(router_forward(gru, head[l], rows_of(x[l].value())[t], h, z));
    for (std::size_t l = head.size(); l-- > 0;)
      router_backward(gru, head[l], pass[l], row(task[l])[t], balance, fractions[l][0], d_gru, d_head[l], dx[l][t], dh);
  }
  compare("W_ih", d_gru.w_ih, shared.gru->w_ih);
  compare("W_hh", d_gru.w_hh, shared.gru->w_hh);
  compare("b_ih", d_gru.b_ih, shared.gru->b_ih);
  compare("b_hh", d_gru.b_hh, shared.gru->b_hh);
  for (std::size_t l = 0; l < head.size(); ++l) {
    compare("LN_h gain", d_head[l].h_gain, heads[l].h_ln.gain);
    compare("LN_h bias", d_head[l].h_bias, heads[l].h_ln.bias);
    compare("LN_z gain", d_head[l].z_gain, heads[l].z_ln->gain);
    compare("LN_z bias", d_head[l].z_bias, heads[l].z_ln->bias);
    compare("W_z", d_head[l].w_z, *heads[l].z_proj);
    compare("W_g", d_head[l].w_g, heads[l].gate);
    compare("x", dx[l], x[l]);
  }
}

}  // namespace

int main() {
  if (!first_tape()) {
    std::cerr << "the first tape gives other numbers than the page says\n";
    return 1;
  }
  check_expert();
  check_router();
  return all_equal ? 0 : 1;
}
