#pragma once
/// The language model around the mixtures as loops over tokens, written from the equations. It shares no code with the
/// library; it reads the same parameters by name. What a mixture computes is written for each variant.

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <string>
#include <utility>

#include "naive_number.hpp"

namespace naive {

/// A parameter by its name in the library.
struct weight {
  std::size_t rows = 0, cols = 0;
  vec values;
  const number& operator()(std::size_t i, std::size_t j) const { return values[i * cols + j]; }
  const number& operator[](std::size_t j) const { return values[j]; }
};
using weights = std::map<std::string, weight>;

/// A factor of dropout: of element `index` of what is dropped there. Empty: nothing is.
using mask = std::function<double(const std::string& what, std::size_t block, std::size_t index)>;

struct settings {
  std::size_t batch = 1, sequence = 1, heads = 2;
  double epsilon = 1e-5;
  bool training = false;
  std::size_t step = 0;
  bool relu_dense = false;    ///< blocks without a mixture
  double angle_base = 10000;  ///< of rotary positions
  mask drop;
  mask draw;  ///< what a mixture draws at random, by the names of docs/checkpoints.md
};

struct layer_record {
  mat logits, scores, weights;                 ///< empty where nobody wrote them down
  bool weighs_kept = false;                    ///< weights are of the kept, else of the chosen
  std::vector<std::vector<int>> chosen, kept;  ///< -1: dropped
  std::vector<int> rows;                       ///< the tokens that are routed, where they are not all
  std::vector<layer_record> rounds;            ///< where a mixture routes several times: these instead
  bool chooses = true;                         ///< else there are logits alone: nobody has chosen anybody
};
/// A block, with a mixture or not: what entered its feed-forward part, what that gave, the residual stream after, and
/// the logits of a mixture that chooses nobody.
struct block_record {
  mat attn_out, in, out, after, logits{};
  mat attn_logits{};  ///< of heads, where attention is a mixture
};
struct result {
  number language, total;
  std::map<std::string, number> losses;  ///< those of the mixtures
  mat hidden;
  std::vector<layer_record> layers;
  std::vector<block_record> blocks;
};

/// What a mixture sees: `x` are the rows that it gets, `residual` those of the residual stream.
struct call {
  const weights& w;
  const settings& how;
  const std::vector<int>& tokens;
  std::size_t block = 0, layer = 0;  ///< the block, and the number of the mixture
  const mat &x, &residual;
};

/// The mixtures of one model in one pass.
struct mixture {
  mat attn_logits;       ///< what attention scored heads with in the block so far
  std::size_t pass = 0;  ///< 1 in the second of two passes
  virtual ~mixture() = default;
  /// What is added to the residual stream; the choices are written down in `record`. Layers are asked in order.
  virtual mat operator()(const call& at, layer_record& record) = 0;
  /// After the last layer, each weighed already: "balance" is the mean over the layers.
  virtual std::map<std::string, number> losses() { return {}; }
  /// How much two passes in training are to agree; below 0: there is one.
  virtual double agreement() const { return -1; }
  /// Attention of a block for the normed rows of one sequence; `dropped(head, i, j)` multiplies probabilities.
  using dropping = std::function<double(std::size_t, std::size_t, std::size_t)>;
  virtual mat attend(const weights& w, const settings& how, std::size_t block, const mat& x, const dropping& dropped);
};

inline vec layer_norm(const vec& x, const weight& gain, const weight& bias, double epsilon) {
  const double n = static_cast<double>(x.size());
  number mean = 0, variance = 0;
  for (const number& v : x) mean += v / n;
  for (const number& v : x) variance += (v - mean) * (v - mean) / n;
  vec y;
  for (std::size_t j = 0; j < x.size(); ++j) y.push_back((x[j] - mean) / sqrt(variance + epsilon) * gain[j] + bias[j]);
  return y;
}

/// x / sqrt(mean(x^2) + eps) * gain.
inline vec rms_norm(const vec& x, const weight& gain, double epsilon) {
  const double n = static_cast<double>(x.size());
  number square = 0;
  for (const number& v : x) square += v * v / n;
  vec y;
  for (std::size_t j = 0; j < x.size(); ++j) y.push_back(x[j] / sqrt(square + epsilon) * gain[j]);
  return y;
}
/// Whichever of the two the model has under that name.
inline vec norm(const vec& x, const weights& w, const std::string& name, double epsilon) {
  return w.contains(name + ".bias") ? layer_norm(x, w.at(name + ".weight"), w.at(name + ".bias"), epsilon)
                                    : rms_norm(x, w.at(name + ".weight"), epsilon);
}

/// Products of an element of a weight matrix with something, and of attention's rows with each other, as they are made.
inline std::size_t multiply_adds = 0;

/// W x, W stored out x in, rows [first, first + count).
inline vec rows_times(const weight& w, const vec& x, std::size_t first, std::size_t count) {
  vec y(count);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < x.size(); ++j, ++multiply_adds) y[i] += w(first + i, j) * x[j];
  return y;
}
inline vec rows_times(const weight& w, const vec& x) { return rows_times(w, x, 0, w.rows); }

/// x W + b, W stored in x out.
inline vec affine(const vec& x, const weight& w, const weight& b) {
  vec y(b.values);
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t j = 0; j < y.size(); ++j, ++multiply_adds) y[j] += x[i] * w(i, j);
  return y;
}

/// W2 relu(W1 x) of the hidden units [first, first + count).
inline vec expert(const weight& w_in, const weight& w_out, std::size_t first, std::size_t count, const vec& x) {
  const vec a = rows_times(w_in, x, first, count);
  vec y(x.size());
  for (std::size_t u = 0; u < count; ++u)
    for (std::size_t c = 0; c < x.size(); ++c, ++multiply_adds) y[c] += relu(a[u]) * w_out(first + u, c);
  return y;
}

inline vec gru(const vec& x, const vec& h, const weight& w_ih, const weight& w_hh, const weight& b_ih,
               const weight& b_hh) {
  const std::size_t d = h.size();
  const vec i = rows_times(w_ih, x), s = rows_times(w_hh, h);
  vec next;
  for (std::size_t j = 0; j < d; ++j) {
    const number r = sigmoid(i[j] + b_ih[j] + s[j] + b_hh[j]);
    const number u = sigmoid(i[d + j] + b_ih[d + j] + s[d + j] + b_hh[d + j]);
    const number n = tanh(i[2 * d + j] + b_ih[2 * d + j] + r * (s[2 * d + j] + b_hh[2 * d + j]));
    next.push_back((number(1) - u) * n + u * h[j]);
  }
  return next;
}

inline vec softmax(const vec& z) {
  number sum = 0;
  for (const number& v : z) sum += exp(v);
  vec p;
  for (const number& v : z) p.push_back(exp(v) / sum);
  return p;
}

/// The places of the k largest, the largest first, the earlier of equal ones.
inline std::vector<int> largest(const vec& p, std::size_t k) {
  std::vector<int> order(p.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return p[static_cast<std::size_t>(a)].value() > p[static_cast<std::size_t>(b)].value();
  });
  order.resize(k);
  return order;
}

/// Causal attention with all heads, for the rows of one sequence; `dropped(head, i, j)` multiplies probabilities.
inline mat attention(const mat& x, const weights& w, const std::string& at, std::size_t heads,
                     const std::function<double(std::size_t, std::size_t, std::size_t)>& dropped) {
  const std::size_t d = x[0].size(), size = d / heads;
  mat qkv, y;
  for (const vec& v : x) qkv.push_back(affine(v, w.at(at + "c_attn.weight"), w.at(at + "c_attn.bias")));
  for (std::size_t i = 0; i < x.size(); ++i) {
    vec joined(d);
    for (std::size_t h = 0; h < heads; ++h) {
      vec scores;
      for (std::size_t j = 0; j <= i; ++j) {
        number dot = 0;
        for (std::size_t c = h * size; c < (h + 1) * size; ++c, ++multiply_adds) dot += qkv[i][c] * qkv[j][d + c];
        scores.push_back(dot / std::sqrt(static_cast<double>(size)));
      }
      const vec p = softmax(scores);
      for (std::size_t j = 0; j <= i; ++j)
        for (std::size_t c = h * size; c < (h + 1) * size; ++c, ++multiply_adds)
          joined[c] += p[j] * number(dropped(h, i, j)) * qkv[j][2 * d + c];
    }
    y.push_back(affine(joined, w.at(at + "c_proj.weight"), w.at(at + "c_proj.bias")));
  }
  return y;
}

/// The same with positions as angles (pairs of columns half a head apart, turned by position * base^(-2 j / head)) and
/// `heads` of queries that share fewer of keys and values; no biases.
inline mat llama_attention(const mat& x, const weights& w, const std::string& at, std::size_t heads, double base,
                           const std::function<double(std::size_t, std::size_t, std::size_t)>& dropped) {
  const weight &w_qkv = w.at(at + "qkv"), &w_out = w.at(at + "out");
  const std::size_t d = x[0].size(), size = d / heads, shared = (w_qkv.rows - d) / 2, sharing = d / shared;
  mat qkv, y;
  for (std::size_t i = 0; i < x.size(); ++i) {
    vec row = rows_times(w_qkv, x[i]);
    for (std::size_t first = 0; first < d + shared; first += size)
      for (std::size_t j = 0; j < size / 2; ++j) {
        const double angle =
            static_cast<double>(i) * std::pow(base, -2 * static_cast<double>(j) / static_cast<double>(size));
        const number a = row[first + j], b = row[first + size / 2 + j];
        row[first + j] = a * std::cos(angle) - b * std::sin(angle);
        row[first + size / 2 + j] = b * std::cos(angle) + a * std::sin(angle);
      }
    qkv.push_back(row);
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    vec joined(d);
    for (std::size_t h = 0; h < heads; ++h) {
      const std::size_t key = d + h / sharing * size, value = key + shared;
      vec scores;
      for (std::size_t j = 0; j <= i; ++j) {
        number dot = 0;
        for (std::size_t c = 0; c < size; ++c, ++multiply_adds) dot += qkv[i][h * size + c] * qkv[j][key + c];
        scores.push_back(dot / std::sqrt(static_cast<double>(size)));
      }
      const vec p = softmax(scores);
      for (std::size_t j = 0; j <= i; ++j)
        for (std::size_t c = 0; c < size; ++c, ++multiply_adds)
          joined[h * size + c] += p[j] * number(dropped(h, i, j)) * qkv[j][value + c];
    }
    y.push_back(rows_times(w_out, joined));
  }
  return y;
}

inline mat mixture::attend(const weights& w, const settings& how, std::size_t block, const mat& x,
                           const dropping& dropped) {
  const std::string at = "h." + std::to_string(block) + ".attn.";
  return w.contains(at + "qkv") ? llama_attention(x, w, at, how.heads, how.angle_base, dropped)
                                : attention(x, w, at, how.heads, dropped);
}

inline vec dense_block(const vec& x, const weights& w, const std::string& at, bool relu_dense) {
  if (relu_dense) return expert(w.at(at + "w_in"), w.at(at + "w_out"), 0, w.at(at + "w_in").rows, x);
  vec h = affine(x, w.at(at + "c_fc.weight"), w.at(at + "c_fc.bias"));
  for (number& a : h)
    a = number(0.5) * a *
        (number(1) + tanh(number(std::sqrt(2 / std::acos(-1.0))) * (a + number(0.044715) * a * a * a)));
  return affine(h, w.at(at + "c_proj.weight"), w.at(at + "c_proj.bias"));
}

/// Of one pass.
inline result run_once(mixture& mixtures, const std::vector<bool>& mixed, const settings& s, const weights& w,
                       const std::vector<int>& tokens, const std::vector<int>& targets) {
  const std::size_t count = tokens.size(), d = w.at("wte").cols;
  result r;
  const auto drop_rows = [&](mat& rows, const char* what, std::size_t block) {
    if (!s.drop) return;
    for (std::size_t t = 0; t < rows.size(); ++t)
      for (std::size_t c = 0; c < d; ++c) rows[t][c] = rows[t][c] * number(s.drop(what, block, t * d + c));
  };
  mat u;
  for (std::size_t t = 0; t < count; ++t) {
    vec row;
    for (std::size_t c = 0; c < d; ++c) row.push_back(w.at("wte")(static_cast<std::size_t>(tokens[t]), c));
    if (w.contains("wpe"))
      for (std::size_t c = 0; c < d; ++c) row[c] += w.at("wpe")(t % s.sequence, c);
    u.push_back(row);
  }
  drop_rows(u, "embeddings_mask", 0);
  std::size_t layer = 0;
  for (std::size_t block = 0; block < mixed.size(); ++block) {
    const std::string at = "h." + std::to_string(block) + ".";
    mat normed, attended;
    for (const vec& row : u) normed.push_back(norm(row, w, at + "ln_1", s.epsilon));
    for (std::size_t b = 0; b < s.batch; ++b) {
      const auto first = normed.begin() + static_cast<std::ptrdiff_t>(b * s.sequence);
      const auto dropped = [&](std::size_t head, std::size_t i, std::size_t j) {
        return s.drop ? s.drop("attention_mask", block, ((b * s.heads + head) * s.sequence + i) * s.sequence + j) : 1.0;
      };
      const mat rows(first, first + static_cast<std::ptrdiff_t>(s.sequence));
      const mat part = mixtures.attend(w, s, block, rows, dropped);
      attended.insert(attended.end(), part.begin(), part.end());
    }
    drop_rows(attended, "attn_out_mask", block);
    const mat of_heads = std::exchange(mixtures.attn_logits, {});
    mat x, out(count, vec(d));
    for (std::size_t t = 0; t < count; ++t) {
      for (std::size_t c = 0; c < d; ++c) u[t][c] += attended[t][c];
      x.push_back(norm(u[t], w, at + "ln_2", s.epsilon));
    }
    if (!mixed[block]) {
      for (std::size_t t = 0; t < count; ++t) out[t] = dense_block(x[t], w, at + "mlp.", s.relu_dense);
      if (!s.relu_dense) drop_rows(out, "dense_out_mask", block);
      for (std::size_t t = 0; t < count; ++t)
        for (std::size_t c = 0; c < d; ++c) u[t][c] += out[t][c];
      r.blocks.push_back({attended, x, out, u, {}, of_heads});
      continue;
    }

    layer_record record;
    out = mixtures({w, s, tokens, block, layer, x, u}, record);
    for (std::size_t t = 0; t < count; ++t)
      for (std::size_t c = 0; c < d; ++c) u[t][c] += out[t][c];
    r.blocks.push_back({attended, x, out, u, {}, of_heads});
    ++layer;
    if (!record.chooses) {
      r.blocks.back().logits = record.logits;
      continue;
    }
    if (record.rounds.empty()) record.rounds.push_back(record);
    r.layers.insert(r.layers.end(), record.rounds.begin(), record.rounds.end());
  }

  r.losses = mixtures.losses();
  double scored = 0;
  for (std::size_t t = 0; t < count; ++t) {
    r.hidden.push_back(norm(u[t], w, "ln_f", s.epsilon));
    if (targets[t] < 0) continue;
    ++scored;
    const vec logits = rows_times(w.at(w.contains("lm_head") ? "lm_head" : "wte"), r.hidden[t]);
    number sum = 0;
    for (const number& l : logits) sum += exp(l);
    r.language += log(sum) - logits[static_cast<std::size_t>(targets[t])];
  }
  r.language = r.language / scored;
  r.total = r.language;
  for (const auto& [name, value] : r.losses) r.total += value;
  return r;
}

/// Losses and routing of a batch, with a mixture in the blocks that `mixed` says; a target of -1 is not scored. Where
/// mixtures make two passes, the routing is that of the first.
inline result run(mixture& mixtures, const std::vector<bool>& mixed, const settings& s, const weights& w,
                  const std::vector<int>& tokens, const std::vector<int>& targets) {
  result r = run_once(mixtures, mixed, s, w, tokens, targets);
  const double weight = mixtures.agreement();
  if (weight < 0 || !s.training) return r;
  mixtures.pass = 1;
  const result other = run_once(mixtures, mixed, s, w, tokens, targets);
  r.language = (r.language + other.language) * number(0.5);
  number apart;  // KL(p | q) + KL(q | p)
  for (std::size_t t = 0; t < tokens.size(); ++t) {
    const auto& head = w.at(w.contains("lm_head") ? "lm_head" : "wte");
    const vec p = softmax(rows_times(head, r.hidden[t])), q = softmax(rows_times(head, other.hidden[t]));
    for (std::size_t v = 0; v < p.size(); ++v) apart += p[v] * log(p[v] / q[v]) + q[v] * log(q[v] / p[v]);
  }
  if (weight > 0) r.losses["agreement"] = number(weight / 4 / static_cast<double>(tokens.size())) * apart;
  r.total = r.language;
  for (const auto& [name, value] : r.losses) r.total += value;
  return r;
}

}  // namespace naive
