#pragma once
/// A reference for every variant: the whole language model as loops over tokens and experts, written from the
/// equations of the papers. It shares no code with the library; it reads the same parameters by name.

#include <functional>
#include <map>
#include <numeric>
#include <string>

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

enum class router_kind { linear, recurrent, table };
enum class cut { raw, projected, nowhere };
enum class weighting { raw, normalised, one };
enum class room { unlimited, switch_, gshard_authors, gshard_paper, no_local };
enum class balance { none, all_choices, first_choices, joint };

/// A factor of dropout: of element `index` of what is dropped there. Empty: nothing is.
using mask = std::function<double(const std::string& what, std::size_t block, std::size_t index)>;

/// What a variant computes, in numbers.
struct variant {
  std::size_t experts = 4, width = 12, k = 1;  ///< N, m and active experts per token
  bool one_pool = true;                        ///< for all layers
  std::size_t always = 0;                      ///< hidden units that every token visits besides
  router_kind router = router_kind::recurrent;
  bool state = true, propagates = true;
  cut where = cut::raw;
  weighting weigh = weighting::raw;
  naive::room room = room::unlimited;  ///< applied in training
  naive::balance balance = balance::all_choices;
  std::vector<bool> mixture = {true, true, true};  ///< block by block
  std::vector<int> table;                          ///< expert of every token id
  bool relu_dense = false;
};

struct settings {
  std::size_t batch = 1, sequence = 1, heads = 2;
  double epsilon = 1e-5, capacity_factor = 1.25, alpha = 0.01;
  bool training = false;
  std::function<double(std::size_t block, std::size_t token)> draw;                        ///< GShard's second choices
  std::function<double(std::size_t block, std::size_t token, std::size_t column)> jitter;  ///< on a router's input
  mask drop;
};

struct layer_record {
  mat logits;
  std::vector<std::vector<int>> chosen, kept;  ///< -1: dropped
};
/// A block, with a mixture or not: what entered its feed-forward part, what that gave, and the residual stream after.
struct block_record {
  mat attn_out, in, out, after;
};
struct result {
  number language, balance, total;
  mat hidden;
  std::vector<layer_record> layers;
  std::vector<block_record> blocks;
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

inline vec dense_block(const vec& x, const weights& w, const std::string& at, bool relu_dense) {
  if (relu_dense) return expert(w.at(at + "w_in"), w.at(at + "w_out"), 0, w.at(at + "w_in").rows, x);
  vec h = affine(x, w.at(at + "c_fc.weight"), w.at(at + "c_fc.bias"));
  for (number& a : h)
    a = number(0.5) * a *
        (number(1) + tanh(number(std::sqrt(2 / std::acos(-1.0))) * (a + number(0.044715) * a * a * a)));
  return affine(h, w.at(at + "c_proj.weight"), w.at(at + "c_proj.bias"));
}

/// Marks as dropped (-1) what the variant's rule drops.
inline std::vector<std::vector<int>> drop(const variant& v, const settings& s, std::size_t block,
                                          const std::vector<std::vector<int>>& chosen, const mat& gate) {
  auto kept = chosen;
  if (!s.training || v.room == room::unlimited) return kept;
  const double tokens = static_cast<double>(chosen.size()), n = static_cast<double>(v.experts);
  const double pairs = tokens * static_cast<double>(v.k);
  std::vector<int> taken(v.experts, 0);
  const auto admit = [&](int& e, int capacity) {
    if (e < 0) return;
    if (taken[static_cast<std::size_t>(e)] >= capacity)
      e = -1;
    else
      ++taken[static_cast<std::size_t>(e)];
  };
  if (v.room == room::gshard_authors || v.room == room::gshard_paper)
    for (std::size_t t = 0; t < kept.size(); ++t)
      if (!(2 * gate[t][1].value() > s.draw(block, t))) kept[t][1] = -1;
  switch (v.room) {
    case room::switch_: {
      const int capacity = static_cast<int>(s.capacity_factor * std::ceil(pairs / n));
      for (auto& token : kept)
        for (int& e : token) admit(e, capacity);
      break;
    }
    case room::no_local: {
      const int capacity = static_cast<int>(s.capacity_factor * tokens / n);
      for (auto& token : kept)
        for (int& e : token) admit(e, capacity);
      break;
    }
    case room::gshard_authors: {
      const int capacity = static_cast<int>(s.capacity_factor * std::ceil(2 * tokens / n));
      for (auto& token : kept) admit(token[0], capacity);
      taken.assign(v.experts, 0);
      for (auto& token : kept) admit(token[1], capacity);
      break;
    }
    case room::gshard_paper: {
      const int capacity = static_cast<int>(s.capacity_factor * 2 * tokens / n);
      for (auto& token : kept) admit(token[0], capacity);
      for (auto& token : kept) admit(token[1], capacity);
      break;
    }
    default:
      break;
  }
  return kept;
}

/// Losses and routing of a batch; a target of -1 is not scored.
inline result run(const variant& v, const settings& s, const weights& w, const std::vector<int>& tokens,
                  const std::vector<int>& targets) {
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
    for (std::size_t c = 0; c < d; ++c)
      row.push_back(w.at("wte")(static_cast<std::size_t>(tokens[t]), c) + w.at("wpe")(t % s.sequence, c));
    u.push_back(row);
  }
  drop_rows(u, "embeddings_mask", 0);
  mat h(count, vec(d)), z(count, vec(v.experts));  // the router's state, zero at first
  std::vector<vec> all_f, all_p;
  std::size_t layer = 0;
  for (std::size_t block = 0; block < v.mixture.size(); ++block) {
    const std::string at = "h." + std::to_string(block) + ".";
    mat normed, attended;
    for (const vec& row : u)
      normed.push_back(layer_norm(row, w.at(at + "ln_1.weight"), w.at(at + "ln_1.bias"), s.epsilon));
    for (std::size_t b = 0; b < s.batch; ++b) {
      const auto first = normed.begin() + static_cast<std::ptrdiff_t>(b * s.sequence);
      const auto dropped = [&](std::size_t head, std::size_t i, std::size_t j) {
        return s.drop ? s.drop("attention_mask", block, ((b * s.heads + head) * s.sequence + i) * s.sequence + j) : 1.0;
      };
      const mat part =
          attention(mat(first, first + static_cast<std::ptrdiff_t>(s.sequence)), w, at + "attn.", s.heads, dropped);
      attended.insert(attended.end(), part.begin(), part.end());
    }
    drop_rows(attended, "attn_out_mask", block);
    mat x, out(count, vec(d));
    for (std::size_t t = 0; t < count; ++t) {
      for (std::size_t c = 0; c < d; ++c) u[t][c] += attended[t][c];
      x.push_back(layer_norm(u[t], w.at(at + "ln_2.weight"), w.at(at + "ln_2.bias"), s.epsilon));
    }
    if (!v.mixture[block]) {
      for (std::size_t t = 0; t < count; ++t) out[t] = dense_block(x[t], w, at + "mlp.", v.relu_dense);
      if (!v.relu_dense) drop_rows(out, "dense_out_mask", block);
      for (std::size_t t = 0; t < count; ++t)
        for (std::size_t c = 0; c < d; ++c) u[t][c] += out[t][c];
      r.blocks.push_back({attended, x, out, u});
      continue;
    }

    const std::string router = "router." + std::to_string(layer) + ".";
    layer_record record;
    mat p, gate;
    for (std::size_t t = 0; t < count; ++t) {
      vec seen = x[t];
      if (s.jitter)
        for (std::size_t c = 0; c < d; ++c) seen[c] = seen[c] * s.jitter(block, t, c);
      vec logits(v.experts);
      if (v.router == router_kind::linear) {
        logits = rows_times(w.at(router + "gate"), seen);
      } else if (v.router == router_kind::table) {
        logits[static_cast<std::size_t>(v.table[static_cast<std::size_t>(tokens[t])])] = 1;
      } else {
        h[t] = v.state ? gru(seen, h[t], w.at("router.gru.weight_ih"), w.at("router.gru.weight_hh"),
                             w.at("router.gru.bias_ih"), w.at("router.gru.bias_hh"))
                       : seen;
        vec features = layer_norm(h[t], w.at(router + "h_ln.weight"), w.at(router + "h_ln.bias"), s.epsilon);
        if (v.propagates) {
          vec q = z[t];
          if (v.where == cut::raw)
            for (number& n : q) n = constant(n);
          vec e = rows_times(
              w.at(router + "prev_score_proj"),
              layer_norm(q, w.at(router + "prev_score_ln.weight"), w.at(router + "prev_score_ln.bias"), s.epsilon));
          if (v.where == cut::projected)
            for (number& n : e) n = constant(n);
          features.insert(features.end(), e.begin(), e.end());
        }
        logits = rows_times(w.at(router + "gate_head"), features);
        z[t] = logits;
      }
      record.logits.push_back(logits);
      p.push_back(v.router == router_kind::table ? logits : softmax(logits));

      std::vector<int> chosen;
      for (std::size_t j = 0; j < v.k; ++j) {
        int best = -1;
        for (std::size_t e = 0; e < v.experts; ++e) {
          const int candidate = static_cast<int>(e);
          bool taken = false;
          for (int c : chosen) taken = taken || c == candidate;
          if (!taken && (best < 0 || p[t][e].value() > p[t][static_cast<std::size_t>(best)].value())) best = candidate;
        }
        chosen.push_back(best);
      }
      record.chosen.push_back(chosen);
      vec g;
      number sum = 1e-9;
      for (int e : chosen) sum += p[t][static_cast<std::size_t>(e)];
      for (int e : chosen) {
        const number& score = p[t][static_cast<std::size_t>(e)];
        g.push_back(v.weigh == weighting::one ? number(1) : v.weigh == weighting::raw ? score : score / sum);
      }
      gate.push_back(g);
    }
    record.kept = drop(v, s, block, record.chosen, gate);

    for (std::size_t t = 0; t < count; ++t) {
      vec y(d);
      if (v.always > 0) y = expert(w.at(at + "moe.local.w_in"), w.at(at + "moe.local.w_out"), 0, v.always, x[t]);
      for (std::size_t j = 0; j < v.k; ++j) {
        const int e = record.kept[t][j];
        if (e < 0) continue;
        const std::size_t in_bank = (v.one_pool ? 0 : layer * v.experts) + static_cast<std::size_t>(e);
        const vec out = expert(w.at("experts.w_in"), w.at("experts.w_out"), in_bank * v.width, v.width, x[t]);
        for (std::size_t c = 0; c < d; ++c) y[c] += gate[t][j] * out[c];
      }
      for (std::size_t c = 0; c < d; ++c) u[t][c] += y[c];
      out[t] = y;
    }
    r.blocks.push_back({attended, x, out, u});

    vec f(v.experts), mean(v.experts);
    const std::size_t counted = v.balance == balance::first_choices ? 1 : v.k;
    for (std::size_t t = 0; t < count; ++t) {
      for (std::size_t j = 0; j < counted; ++j)
        f[static_cast<std::size_t>(record.chosen[t][j])] += 1.0 / static_cast<double>(count * counted);
      for (std::size_t e = 0; e < v.experts; ++e) mean[e] += p[t][e] / static_cast<double>(count);
    }
    all_f.push_back(f);
    all_p.push_back(mean);
    r.layers.push_back(record);
    ++layer;
  }

  if (v.balance != balance::none && layer > 0) {
    const double n = static_cast<double>(v.experts), layers = static_cast<double>(layer);
    if (v.balance == balance::joint) {
      for (std::size_t e = 0; e < v.experts; ++e) {
        number f = 0, mean = 0;
        for (std::size_t l = 0; l < layer; ++l) {
          f += all_f[l][e] / layers;
          mean += all_p[l][e] / layers;
        }
        r.balance += number(s.alpha * n) * f * mean;
      }
    } else {
      for (std::size_t l = 0; l < layer; ++l)
        for (std::size_t e = 0; e < v.experts; ++e)
          r.balance += number(s.alpha * n / layers) * all_f[l][e] * all_p[l][e];
    }
  }
  double scored = 0;
  for (std::size_t t = 0; t < count; ++t) {
    r.hidden.push_back(layer_norm(u[t], w.at("ln_f.weight"), w.at("ln_f.bias"), s.epsilon));
    if (targets[t] < 0) continue;
    ++scored;
    const vec logits = rows_times(w.at("wte"), r.hidden[t]);
    number sum = 0;
    for (const number& l : logits) sum += exp(l);
    r.language += log(sum) - logits[static_cast<std::size_t>(targets[t])];
  }
  r.language = r.language / scored;
  r.total = r.language + r.balance;
  return r;
}

}  // namespace naive
