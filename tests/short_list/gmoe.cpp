// Whole models of GMoE on a backend of the short list: published numbers, training steps, generation.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "backends.hpp"
#include "gmoe/model/batch.hpp"
#include "gmoe/model/generate.hpp"
#include "golden/run.hpp"

namespace {

template <class B>
auto load(const std::string& name) {
  return gmoe::load_official<gmoe::official_gmoe_card<>, B>(golden::files_of(name));
}

}  // namespace

TEST_CASE_TEMPLATE("short_list/gmoe: activations, routing, losses, gradients and training steps of the golden cases", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  for (const std::string name : {"gmoe_tiny", "gmoe_deep"}) {
    auto model = load<B>(name);
    golden::check(name, model);
  }
}

TEST_CASE_TEMPLATE("short_list/gmoe: token by token equals one pass", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const auto model = load<B>("gmoe_tiny");
  gmoe::generator reader(model);
  std::vector<gmoe::id_type> so_far;
  for (const gmoe::id_type token : {3, 9, 20, 3, 17, 4}) {
    so_far.push_back(token);
    gmoe::batch<B> data;
    data.assign(so_far, {}, 1, model.shape().vocab);
    const gmoe::context<B> ctx = std::decay_t<decltype(model)>::reading({}, data);
    const auto all = model.logits(ctx, model.hidden(ctx)).value().to_host();
    const auto last = reader.read(std::span(so_far).last(1));
    double worst = 0;
    for (std::size_t i = 0; i < last.size(); ++i)
      worst = std::max(worst, std::abs(last[i] - all[all.size() - last.size() + i]));
    CHECK(worst < 1e-12);
  }
}
