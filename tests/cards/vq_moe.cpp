// A token as it is, and as its code.
#include "cards/vq_moe.hpp"

#include <set>

#include "cards/check.hpp"
#include "gmoe/model/causality.hpp"
#include "gmoe/moe/recording.hpp"

using namespace gmoe_test;

namespace {
using vq_backend = GMOE_TEST_BACKEND<double>;

/// Sets elements of the parameters whose names end so, the others of them 0.
void keep_elements(gmoe::any_model<vq_backend>& model, const std::string& name,
                   const std::vector<std::pair<std::size_t, double>>& kept, bool others_to_zero = true) {
  for (auto* const p : model.parameters()) {
    if (!p->name().ends_with(name)) continue;
    auto v = p->value().to_host();
    if (others_to_zero) std::fill(v.begin(), v.end(), 0.0);
    for (const auto& [i, value] : kept) v[i] = value;
    p->value() = gmoe::matrix<vq_backend>::from_host(v, p->value().rows(), p->value().cols());
  }
}
double language_loss(const gmoe::any_model<vq_backend>& model, const card_case& c) {
  return losses_of(model, text(c.batch, c.sequence, c.shape.vocab), true).language.value().item();
}
/// Every gradient against differences of a pass in which what is cut stands still.
[[maybe_unused]] void check_differences(const card_case& c) {
  const auto model = model_of<vq_backend>(c);
  const text t(c.batch, c.sequence, c.shape.vocab);
  const auto data = t.on<vq_backend>(c.shape.vocab);
  gmoe::recording<vq_backend> seen;
  gmoe::context<vq_backend> ctx;
  ctx.observer = &seen;
  const gmoe::replay<vq_backend> fixed = seen.replay(model->loss(ctx, data).found);
  ctx.observer = nullptr;
  ctx.replay = &fixed;
  const auto report = differences_of<vq_backend>(model->parameters(), [&](gmoe::tape<vq_backend>* tape) {
    ctx.tape = tape;
    return model->loss(ctx, data).total;
  });
  INFO(report.where, ": ", report.analytic, " by the tape, ", report.numeric, " by differences");
  CHECK(report.worst < 1e-6);
}
}  // namespace

TEST_CASE("cards/vq-moe: its equations, differences, products, reading, padding, reach") {
  card_case c{.card = "vq-moe"};
  check_equations(c, vq_moe_equations{});
  check_products(c, vq_moe_equations{});
  check_reading(c);
  c.training = false;
  check_equations(c, vq_moe_equations{});
  c.set = {{"form.codebook", "0.3"}, {"form.commitment", "0"}, {"select.k", "1"}, {"balance.alpha", "0.2"}};
  vq_moe_equations other;
  other.codebook = 0.3;
  other.commitment = 0;
  other.k = 1;
  other.alpha = 0.2;
  check_equations(c, other);
  c.shape.experts = 1;
  other.experts = 1;
  check_equations(c, other);
  card_case small{.card = "vq-moe"};
  small.shape.layers = 1;
  small.shape.vocab = 8;
  small.shape.d_model = 4;
  small.shape.d_ff = 3;
  small.shape.experts = 3;
  small.batch = 1;
  small.sequence = 4;
  if (!on_thrust()) check_differences(small);
  const auto model = model_of<vq_backend>(small);
  for (const bool training : {true, false}) {
    CHECK(gmoe::check_causality(*model, 6, training).measured <= gmoe::reach::past);
    check_padding(*model, training);
  }
  CHECK(card_of(small).reach(true).how <= gmoe::reach::past);
  CHECK(refusal({.card = "vq-moe", .set = {{"form.codebook", "-1"}}}) == "form.codebook is -1, expected 0 or more");
}

TEST_CASE("cards/vq-moe: without weight on codes it is smoe; codes at the tokens give the token to its code's expert") {
  card_case c{.card = "vq-moe"};
  const auto model = model_of<vq_backend>(c), usual = model_of<vq_backend>({.card = "smoe"});
  // x_0 = 1 everywhere: W_a x is a number.
  for (auto* const m : {model.get(), usual.get()}) {
    keep_elements(*m, "ln_2.weight", {{0, 0.0}}, false);
    keep_elements(*m, "ln_2.bias", {{0, 1.0}}, false);
  }
  const double without = language_loss(*usual, c);
  CHECK(std::abs(language_loss(*model, c) - without) > 1e-6);
  const auto d = static_cast<std::size_t>(c.shape.d_model);
  keep_elements(*model, "form.paths", {{0, 60.0}, {d, -60.0}});
  CHECK(language_loss(*model, c) == doctest::Approx(without).epsilon(1e-12));
  // And with all weight on them, what a token is does not matter: a code's tokens get the same.
  keep_elements(*model, "form.paths", {{0, -60.0}, {d, 60.0}});
  struct outputs : gmoe::observer<vq_backend> {
    std::vector<std::vector<double>> codes, y;
    void see(std::string_view what, index_t block, const gmoe::matrix<vq_backend>& v) override {
      if (block == 0 && (what == "vq_code" || what == "moe_out")) {
        auto& rows = what == "vq_code" ? codes : y;
        const auto flat = v.to_host();
        for (auto row = flat.begin(); row != flat.end(); row += v.cols()) rows.emplace_back(row, row + v.cols());
      }
    }
  } seen;
  gmoe::context<vq_backend> ctx;
  ctx.observer = &seen;
  model->loss(ctx, text(4, 7, c.shape.vocab).on<vq_backend>(c.shape.vocab));
  REQUIRE(seen.codes.size() == 28);
  REQUIRE(seen.y.size() == 28);
  std::set<std::vector<double>> used(seen.codes.begin(), seen.codes.end());
  CHECK(used.size() > 1);
  for (std::size_t a = 0; a < 28; ++a)
    for (std::size_t b = 0; b < a; ++b) {
      double worst = 0;
      for (std::size_t j = 0; j < d; ++j) worst = std::max(worst, std::abs(seen.y[a][j] - seen.y[b][j]));
      CHECK((worst < 1e-12) == (seen.codes[a] == seen.codes[b]));
    }
}
