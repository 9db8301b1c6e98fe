// The card llama-smoe against Mixtral of the Python package `transformers`: see make_llama_smoe.py.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "backends.hpp"
#include "gmoe/io/safetensors.hpp"
#include "gmoe/model/any_model.hpp"

using namespace gmoe;

namespace {

/// The largest difference, relative to the largest number.
double distance_to(const std::vector<double>& expected, const std::vector<double>& actual) {
  REQUIRE(expected.size() == actual.size());
  double worst = 0, largest = 1e-12;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double d = std::abs(expected[i] - actual[i]);
    worst = d <= worst ? worst : d;  // a NaN stays
    largest = std::max(largest, std::abs(expected[i]));
  }
  return worst / largest;
}

std::vector<id_type> ids_of(const safetensors_file& file, const std::string& name) {
  std::vector<id_type> ids;
  for (const std::int64_t id : file.read<std::int64_t>(name)) ids.push_back(static_cast<id_type>(id));
  return ids;
}

}  // namespace

TEST_CASE_TEMPLATE("golden/llama_smoe: logits, loss and every gradient", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const safetensors_file file(std::string(GMOE_TESTS_DIR) + "/golden/llama_smoe.safetensors");
  any_card card = make_card("llama-smoe");
  change_setting(card, "balance.alpha", "0");
  const sizes s{.vocab = 23, .positions = 12, .d_model = 16, .layers = 3, .heads = 4, .d_ff = 12, .experts = 4};
  const auto model = make_model<B>(card, s);
  for (parameter<B>* p : model->parameters()) {
    INFO(p->name());
    const auto values = file.read<double>("parameter/" + p->name());
    REQUIRE(file.entry("parameter/" + p->name()).shape == std::vector<index_t>{p->rows(), p->cols()});
    p->value() = matrix<B>::from_host(values, p->rows(), p->cols());
  }
  batch<B> data;
  data.assign(ids_of(file, "tokens"), ids_of(file, "targets"), 3, s.vocab);
  const context<B> plain = any_model<B>::reading({}, data);
  CHECK(distance_to(file.read<double>("logits"), model->logits({}, model->hidden(plain)).value().to_host()) < 1e-8);

  // Their weights are p / sum p, ours p / (sum p + 1e-9).
  tape<B> tape;
  context<B> ctx;
  ctx.tape = &tape;
  const losses<B> l = model->loss(ctx, data);
  CHECK(l.language.value().item() == doctest::Approx(file.read<double>("loss")[0]).epsilon(1e-8));
  tape.backward(l.total);
  for (parameter<B>* p : model->parameters()) {
    INFO(p->name());
    CHECK(distance_to(file.read<double>("gradient/" + p->name()), p->gradient().to_host()) < 1e-7);
  }
}
