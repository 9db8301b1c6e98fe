// Experts that hardly anybody asks are revived (as DynMoE does): their row of the router turns to what the tokens are
// like, and the optimiser forgets what it knew of it.
#include "breadth/check.hpp"
#include "gmoe/io/training_checkpoint.hpp"
#include "gmoe/train/trainer.hpp"
#include "io/temp_folder.hpp"

using namespace gmoe;
using B = gmoe_test::model_backend;

namespace {
struct reviving_router {
  using slot = slots::router;
  double least = 0.2;
  static constexpr auto fields =
      std::tuple{field{"least", &reviving_router::least, "share of the pairs that an expert must have", at_least(0)}};
  linear_router of{};
  static inline std::int64_t fails_after = -1;  ///< this step

  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    at.add_statistic("inputs", col_means(variable<B>(x.value())).value());
    return ask<hooks::logits>(of, my, at, x);
  }
  template <class B>
  void after_step(std::int64_t step, const layer_statistics<B>& seen, const auto& my) const {
    if (step == fails_after) throw data_error("no expert can be revived");
    auto gate = my.layer.gate.value().to_host();
    const auto& u = seen.row("inputs");
    std::vector<index_t> revived;
    for (std::size_t e = 0; e < seen.load.size(); ++e) {
      if (static_cast<double>(seen.load[e]) >= least * static_cast<double>(seen.pairs)) continue;
      std::copy(u.begin(), u.end(), gate.begin() + static_cast<std::ptrdiff_t>(e * u.size()));
      revived.push_back(static_cast<index_t>(e));
    }
    my.layer.gate.value() = matrix<B>::from_host(gate, std::ssize(seen.load), std::ssize(u));
    my.layer.gate.forget_moments(revived);
  }
};
using model_type = language_model<with<smoe_card, reviving_router>, B>;
}  // namespace

TEST_CASE("breadth/revived_experts: a run goes on from a checkpoint between a revival and the next step") {
  const std::vector<std::uint8_t> bytes{1, 2, 3, 1, 2, 4, 1, 5, 3, 1, 2, 3, 6, 2, 1, 7, 8, 9, 1, 2, 10, 3, 1};
  const recipe how{.steps = 4, .batch = 2, .sequence = 5};
  model_type a(gmoe_test::small_sizes()), b(gmoe_test::small_sizes()), c(gmoe_test::small_sizes());
  trainer whole(a, std::span(bytes), how), begun(b, std::span(bytes), how), resumed(c, std::span(bytes), how);
  const gmoe_test::temp_folder folder;
  while (!whole.finished()) whole.step();
  while (begun.steps_done() < 2) begun.step();
  std::size_t zeros = 0;  // moments of the gates
  begun.optimizer().each_moment([&](const std::string& name, const matrix<B>& first, const matrix<B>&) {
    if (name.ends_with("gate"))
      for (const double m : first.to_host()) zeros += m == 0;
  });
  CHECK((zeros >= 8 && zeros < 3 * 4 * 8));
  save_checkpoint(folder.path / "run", begun, "text");
  load_checkpoint(folder.path / "run", resumed, "text");
  while (!resumed.finished()) resumed.step();
  const auto gate = [](model_type& m) { return gmoe_test::named(m, "router.1.gate").value().to_host(); };
  CHECK(gate(c) == gate(a));
}

TEST_CASE("breadth/revived_experts: a policy that throws after a step leaves a run that can be saved and goes on") {
  const std::vector<std::uint8_t> bytes{1, 2, 3, 1, 2, 4, 1, 5, 3, 1, 2, 3, 6, 2, 1, 7, 8, 9, 1, 2, 10, 3, 1};
  const recipe how{.steps = 4, .batch = 2, .sequence = 5};
  model_type a(gmoe_test::small_sizes()), b(gmoe_test::small_sizes());
  trainer failing(a, std::span(bytes), how), resumed(b, std::span(bytes), how);
  const gmoe_test::temp_folder folder;
  failing.step();
  reviving_router::fails_after = 1;
  CHECK_THROWS_WITH_AS(failing.step(), "no expert can be revived", data_error);
  reviving_router::fails_after = -1;
  CHECK(failing.steps_done() == 2);
  CHECK(a.step() == 2);
  save_checkpoint(folder.path / "run", failing, "text");
  load_checkpoint(folder.path / "run", resumed, "text");
  while (!failing.finished()) failing.step();
  while (!resumed.finished()) resumed.step();
  const auto gate = [](model_type& m) { return gmoe_test::named(m, "router.1.gate").value().to_host(); };
  CHECK(gate(a) == gate(b));
}
