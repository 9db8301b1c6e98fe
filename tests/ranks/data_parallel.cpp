// Training on several ranks is that of one, to the last bit.

#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/compiled/models.hpp"
#include "gmoe/ranks/threads.hpp"
#include "gmoe/train/evaluate.hpp"
#include "io/temp_folder.hpp"
#include "ranks/replicas.hpp"

namespace ranks = gmoe::ranks;

namespace {

using gmoe_test::outcome;
using gmoe_test::replica;
using wide = gmoe::cpu<double>;
using narrow = gmoe::cpu<float>;

/// Every rank's outcome.
template <class B>
std::vector<outcome<B>> on_threads(int size, std::string_view card, std::int64_t steps,
                                   const gmoe::recipe& how = gmoe_test::four_passes) {
  std::vector<outcome<B>> all(static_cast<std::size_t>(size));
  ranks::run_on_threads(size, [&](ranks::threads here) {
    B::set_threads(1);
    all[static_cast<std::size_t>(here.rank())] = gmoe_test::outcome_of<B>(card, steps, here, how);
  });
  return all;
}

template <class B>
void check_bits(std::string_view card, std::int64_t steps, std::vector<int> sizes,
                const gmoe::recipe& how = gmoe_test::four_passes) {
  CAPTURE(card);
  const outcome<B> one = gmoe_test::outcome_of<B>(card, steps, ranks::alone{}, how);
  CHECK(one.steps.size() == static_cast<std::size_t>(5 * steps));
  for (const int size : sizes) {
    CAPTURE(size);
    for (const auto& rank : on_threads<B>(size, card, steps, how)) CHECK(rank == one);
  }
}

/// A model of two parameters, of which one pass of a step uses the second, and the others only the first.
struct picky {
  using backend_type = wide;
  gmoe::sizes numbers = gmoe_test::smallest;
  gmoe::index_t sample;  ///< the first one of that pass
  gmoe::parameter<wide> often, seldom;

  explicit picky(gmoe::index_t first)
      : sample(first),
        often("often", gmoe::matrix<wide>::from_host(std::vector{0.3, -0.2}, 1, 2)),
        seldom("seldom", gmoe::matrix<wide>::from_host(std::vector{0.5, 0.7, -0.0}, 1, 3)) {}

  const gmoe::sizes& shape() const { return numbers; }
  std::vector<gmoe::parameter<wide>*> parameters() { return {&often, &seldom}; }
  void each_parameter(const auto& visit) {
    for (auto* const p : parameters()) visit(*p);
  }
  bool fails_once = false;
  void after_step(std::int64_t, const gmoe::step_statistics<wide>&) {
    if (std::exchange(fails_once, false)) throw std::runtime_error("a policy failed");
  }
  gmoe::losses<wide> loss(const gmoe::context<wide>& ctx, const gmoe::batch<wide>&) const {
    gmoe::losses<wide> l;
    l.total = scale(sum(square(ctx.use(often))), 1 / (3.0 + static_cast<double>(ctx.first_sample)));
    if (ctx.first_sample == sample) l.total = add(l.total, sum(square(ctx.use(seldom))));
    l.language = l.total;
    return l;
  }
};

template <class F>
std::string message_of_run(int size, const F& f) {
  try {
    ranks::run_on_threads(size, [&](ranks::threads here) {
      wide::set_threads(1);
      f(here);
    });
  } catch (const gmoe::rank_error& e) {
    return e.what();
  }
  return "well";
}

}  // namespace

TEST_CASE("ranks/data_parallel: 50 steps are those of one rank, to the last bit, on 2 and 4 ranks") {
  wide::set_threads(1);
  // Shared experts, a carried router state, a capacity, a bias that follows the load, a recurrent router.
  for (const char* card : {"gmoe", "switch", "deepseek-moe", "loss-free", "rmoe"}) {
    check_bits<wide>(card, 50, {2, 4});
    check_bits<narrow>(card, 8, {2, 4});
  }
}

TEST_CASE("ranks/data_parallel: passes that do not come out even, and ranks without any") {
  wide::set_threads(1);
  gmoe::recipe how = gmoe_test::four_passes;
  for (const gmoe::index_t passes : {1, 3, 5}) {
    how.accumulation = passes;
    check_bits<wide>("gmoe", 3, {2, 4}, how);
  }
  how.accumulation = 3;
  check_bits<wide>("loss-free", 3, {4}, how);
}

TEST_CASE("ranks/data_parallel: what is kept between steps follows all passes, and cards with statistics by name") {
  wide::set_threads(1);
  // Statistics by name, a pool that grows, parameters whose training stops, running means of the batch.
  for (const char* card : {"ida-moe", "dynmoe", "moec", "expert-choice", "stable-moe", "comet-plus"})
    check_bits<wide>(card, 6, {2, 4});
}

TEST_CASE("ranks/data_parallel: a parameter that has a gradient on one rank only") {
  const auto outcome_with = [](gmoe::index_t pass, const auto& here) {
    picky m(2 * pass);
    gmoe::trainer run(m, gmoe_test::tokens, gmoe_test::four_passes, here);
    std::vector<double> all;
    for (int i = 0; i < 8; ++i) {
      const auto r = run.step();
      all.insert(all.end(), {r.loss, r.gradient_norm});
    }
    m.each_parameter([&](const auto& p) {
      for (const double v : p.value().to_host()) all.push_back(v);
    });
    return all;
  };
  for (gmoe::index_t pass = 0; pass < 4; ++pass) {
    const auto one = outcome_with(pass, ranks::alone{});
    for (const int size : {2, 4})
      CHECK(message_of_run(size, [&](ranks::threads here) {
              if (outcome_with(pass, here) != one) throw std::runtime_error("another outcome");
            }) == "well");
  }
}

TEST_CASE("ranks/data_parallel: a rank that goes on after an exception of its own ends the run") {
  CHECK(message_of_run(2, [](ranks::threads here) {
          picky m(0);
          gmoe::trainer run(m, gmoe_test::tokens, gmoe_test::four_passes, here);
          m.fails_once = here.rank() == 1;
          try {
            run.step();
          } catch (const std::runtime_error&) {
          }
          run.step();
        }).find("an exception has ended a step on some ranks only") != std::string::npos);
}

TEST_CASE("ranks/data_parallel: draws are of samples, not of ranks") {
  // A text of one window: all passes read the same. Were their dropout masks the same too, the loss of two passes would
  // be that of the first.
  wide::set_threads(1);
  gmoe::recipe how = gmoe_test::four_passes;
  how.batch = 1;
  const auto loss_of = [&](gmoe::index_t passes, const auto& here) {
    how.accumulation = passes;
    const auto m = gmoe::make_model<wide>("gmoe", gmoe_test::smallest, 7);
    return gmoe::trainer(*m, gmoe_test::tokens.first(7), how, here).step().loss;
  };
  const double first = loss_of(1, ranks::alone{}), both = loss_of(2, ranks::alone{});
  CHECK(first != both);
  CHECK(message_of_run(2, [&](ranks::threads here) {
          const auto m = gmoe::make_model<wide>("gmoe", gmoe_test::smallest, 7);
          gmoe::recipe two = gmoe_test::four_passes;
          two.batch = 1;
          two.accumulation = 2;
          if (gmoe::trainer(*m, gmoe_test::tokens.first(7), two, here).step().loss != both)
            throw std::runtime_error("another loss");
        }) == "well");
}

TEST_CASE("ranks/data_parallel: saved on 2 ranks, continued on 1, then on 4: the unbroken run") {
  wide::set_threads(1);
  for (const char* card : {"gmoe", "loss-free"}) {
    const auto whole = gmoe_test::outcome_of<wide>(card, 12);
    const gmoe_test::temp_folder folder;
    const auto file = folder.path / "checkpoint.safetensors";
    outcome<wide> parts;
    const auto go_on = [&](const auto& here, std::int64_t from, std::int64_t until) {
      replica<wide, std::remove_cvref_t<decltype(here)>> r(card, here, gmoe_test::four_passes, from == 0 ? 7 : 99);
      if (from > 0) r.load(file);
      outcome<wide> mine;
      r.train(until, mine);
      r.save(file);
      if (here.rank() > 0) return;
      parts.steps.insert(parts.steps.end(), mine.steps.begin(), mine.steps.end());
      parts.kept = mine.kept;
    };
    const auto with_threads = [&](int size, std::int64_t from, std::int64_t until) {
      ranks::run_on_threads(size, [&](ranks::threads here) {
        wide::set_threads(1);
        go_on(here, from, until);
      });
    };
    with_threads(2, 0, 4);
    go_on(ranks::alone{}, 4, 7);
    with_threads(4, 7, 12);
    CHECK(parts == whole);
  }
}

TEST_CASE("ranks/data_parallel: ranks share an evaluation, of any number of batches, and all have the loss of one") {
  wide::set_threads(1);
  const auto m = gmoe::make_model<wide>("switch", gmoe_test::smallest, 7);
  const auto loss_of = [&](gmoe::index_t most, const auto& here, int* visits) {
    const auto e = gmoe::evaluate(
        *m, gmoe_test::tokens.first(110), 6, 2, most, [&](const auto&) { ++*visits; }, here);
    return std::vector<double>{e.loss, e.balance_loss, static_cast<double>(e.tokens)};
  };
  for (const gmoe::index_t most : {0, 1, 3}) {
    int all = 0;
    const auto one = loss_of(most, ranks::alone{}, &all);
    std::atomic<int> visited = 0;
    CHECK(message_of_run(4, [&](ranks::threads here) {
            int mine = 0;
            if (loss_of(most, here, &mine) != one) throw std::runtime_error("another loss");
            visited += mine;
          }) == "well");
    CHECK(visited == all);
  }
}

TEST_CASE("ranks/data_parallel: a checkpoint that rank 0 cannot write ends the call on all ranks") {
  std::atomic<int> told = 0;
  CHECK(message_of_run(2, [&](ranks::threads here) {
          replica<wide, ranks::threads> r("gmoe", here);
          try {
            r.save("/nowhere/at/all/checkpoint.safetensors");
          } catch (const gmoe::error& e) {
            told += std::string(e.what()).find("/nowhere/at/all") != std::string::npos;
          }
        }) == "well");
  CHECK(told == 2);
}

TEST_CASE("ranks/data_parallel: the norm counts every parameter once") {
  wide::set_threads(1);
  // The sum over passes, by hand, of a model whose experts are shared by all layers.
  gmoe::recipe how = gmoe_test::four_passes;
  how.clip_norm = 0;
  for (const auto& rank : on_threads<wide>(2, "gmoe", 1, how)) {
    const double norm = rank.steps[3];
    how.accumulation = 1;
    double squares = 0;
    std::vector<double> sum;
    const auto m = gmoe::make_model<wide>("gmoe", gmoe_test::smallest, 7);
    gmoe::shuffled_windows<std::uint8_t> windows(gmoe_test::tokens, how.sequence, how.batch,
                                                 gmoe::random_stream(how.seed).fork("windows"));
    for (gmoe::index_t pass = 0; pass < 4; ++pass) {
      std::vector<gmoe::id_type> ids(12), aims(12);
      windows.batch(pass, ids, aims);
      gmoe::batch<wide> data;
      data.assign(ids, aims, 2, 32);
      gmoe::tape<wide> tape;
      gmoe::context<wide> ctx;
      ctx.tape = &tape;
      ctx.training = true;
      ctx.first_sample = 2 * pass;
      ctx.random = gmoe::random_stream(how.seed).fork("training").fork(0);
      tape.backward(m->loss(ctx, data).total);
    }
    m->each_parameter([&](gmoe::parameter<wide>& p) {
      for (const double g : p.gradient().to_host()) squares += g * g;
    });
    CHECK(norm == doctest::Approx(std::sqrt(squares) / 4).epsilon(1e-12));
  }
}

TEST_CASE("ranks/data_parallel: ranks with another recipe, model, text or step are told apart before the first step") {
  const auto two = [](auto make) {
    return message_of_run(2, [&](ranks::threads here) { make(here, here.rank() == 1); });
  };
  CHECK(two([](const auto& here, bool other) {
          gmoe::recipe how = gmoe_test::four_passes;
          if (other) how.batch = 3;
          replica<wide, ranks::threads>("gmoe", here, how).run.step();
        }) == "batch of rank 1 is '3', but that of rank 0 is '2'");
  CHECK(two([](const auto& here, bool other) {
          replica<wide, ranks::threads>(other ? "switch" : "gmoe", here).run.step();
        }).starts_with("the hash of the parameters' names and shapes of rank 1 is '"));
  CHECK(two([](const auto& here, bool other) {
          replica<wide, ranks::threads>("gmoe", here, gmoe_test::four_passes, other ? 8 : 7).run.step();
        }).starts_with("the hash of the values of parameters, buffers and moments of rank 1 is '"));
  CHECK(two([](const auto& here, bool other) {
          const auto m = gmoe::make_model<wide>("gmoe", gmoe_test::smallest, 7);
          gmoe::trainer(*m, other ? gmoe_test::tokens.first(1000) : gmoe_test::tokens, gmoe_test::four_passes, here)
              .step();
        }).starts_with("the hash of the training text of rank 1 is '"));
  CHECK(two([](const auto& here, bool other) {
          replica<wide, ranks::threads> r("gmoe", here);
          if (other) r.run.resume_at(3);
          r.run.step();
        }) == "the step of rank 1 is '3', but that of rank 0 is '0'");
}

TEST_CASE("ranks/data_parallel: a pass that fails on one rank fails the step on all, and the run can go on") {
  const auto expected = gmoe_test::outcome_of<wide>("gmoe", 3);
  std::atomic<int> named = 0, same = 0;
  CHECK(message_of_run(2, [&](ranks::threads here) {
          replica<wide, ranks::threads> r("gmoe", here);
          outcome<wide> all;
          r.train(2, all);
          // On rank 1 alone.
          auto& gain = *r.trained->parameters().front();
          const auto good = gain.value().to_host();
          if (here.rank() == 1) {
            const std::vector<double> bad(good.size(), std::numeric_limits<double>::quiet_NaN());
            wide::upload(gain.value().data(), bad.data(), bad.size() * sizeof(double));
          }
          try {
            r.run.step();
          } catch (const gmoe::numeric_error& e) {
            named += std::string(e.what()).starts_with(here.rank() == 1 ? "the loss became nan at step 2"
                                                                        : "rank 1: the loss became nan at step 2");
          }
          wide::upload(gain.value().data(), good.data(), good.size() * sizeof(double));
          r.train(3, all);
          same += all == expected;
        }) == "well");
  CHECK(named == 2);
  CHECK(same == 2);
}
