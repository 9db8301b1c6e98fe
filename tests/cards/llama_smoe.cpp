// Mixtral's backbone around the usual mixture.
#include "cards/check.hpp"

using namespace gmoe_test;

namespace {

using naive::number;

/// y = sum over the k best of p_e / sum p, times W_out' (silu(W_gate x) * (W_up x)), of a pool per layer.
struct swiglu_equations : naive::mixture {
  std::size_t experts = 4, width = 12, k = 2;
  double alpha = 0.01;
  number balance;
  std::size_t layers = 0;

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    naive::mat y;
    naive::vec f(experts), mean(experts);
    for (const naive::vec& x : at.x) {
      const naive::vec p = naive::softmax(rows_times(at.w.at("router." + std::to_string(at.layer) + ".gate"), x));
      const std::vector<int> chosen = naive::largest(p, k);
      number sum = 1e-9;
      for (const int e : chosen) sum += p[static_cast<std::size_t>(e)];
      naive::vec out(x.size());
      for (const int c : chosen) {
        const auto e = static_cast<std::size_t>(c);
        const std::size_t first = (at.layer * experts + e) * width;
        const naive::vec gate = rows_times(at.w.at("experts.w_gate"), x, first, width),
                         up = rows_times(at.w.at("experts.w_up"), x, first, width);
        for (std::size_t u = 0; u < width; ++u)
          for (std::size_t i = 0; i < x.size(); ++i)
            out[i] += p[e] / sum * gate[u] * sigmoid(gate[u]) * up[u] * at.w.at("experts.w_out")(first + u, i);
        f[e] += 1.0 / static_cast<double>(at.x.size() * k);
      }
      for (std::size_t e = 0; e < experts; ++e) mean[e] += p[e] / static_cast<double>(at.x.size());
      record.chosen.push_back(chosen);
      y.push_back(out);
    }
    record.kept = record.chosen;
    for (std::size_t e = 0; e < experts; ++e) balance += number(alpha * static_cast<double>(experts)) * f[e] * mean[e];
    ++layers;
    return y;
  }
  std::map<std::string, number> losses() override { return {{"balance", balance / static_cast<double>(layers)}}; }
};

}  // namespace

TEST_CASE("cards/llama_smoe: norms, angles, shared keys, gates and head, against its equations") {
  card_case c{.card = "llama-smoe"};
  c.shape.heads = 2;
  c.shape.d_model = 8;
  for (const char* sharing : {"1", "2"}) {
    c.set = {{"attention.sharing", sharing}};
    check_equations(c, swiglu_equations{});
  }
  c.shape.layers = 2;
  check_gradients(c);
  c.shape.dropout = 0.2;
  check_gradients(c);
  check_reading(c);
}

TEST_CASE("cards/llama_smoe: positions are differences") {
  // The same text further on in a sequence gives the same logits, as long as it cannot see what stands before it.
  using B = GMOE_TEST_BACKEND<double>;
  card_case c{.card = "llama-smoe"};
  c.shape.layers = 1;
  const auto model = model_of<B>(c);
  const auto read = [&](const std::vector<id_type>& tokens) {
    gmoe::batch<B> data;
    data.assign(tokens, {}, 1, c.shape.vocab);
    return model->hidden(gmoe::any_model<B>::reading({}, data)).value().to_host();
  };
  const std::vector<double> twice = read({3, 3}), alone = read({3});
  for (std::size_t i = 0; i < alone.size(); ++i) {
    CHECK(twice[i] == doctest::Approx(alone[i]).epsilon(1e-12));
    // Two equal rows of values have the same sum, whatever the angles.
    CHECK(twice[alone.size() + i] == doctest::Approx(alone[i]).epsilon(1e-12));
  }
}

TEST_CASE("cards/llama_smoe: what it refuses") {
  card_case c{.card = "llama-smoe", .set = {{"attention.sharing", "3"}}};
  CHECK(refusal(c) == "attention.sharing = 3 does not divide heads = 2");
  c.set = {};
  c.shape.d_model = 6;
  CHECK(refusal(c) == "d_model / heads = 3 is odd: llama_attention turns columns in pairs");
  c.set = {{"attention.base", "1"}};
  CHECK(refusal(c) == "attention.base is 1, expected more than 1");
}
