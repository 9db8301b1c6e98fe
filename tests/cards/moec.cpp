// Clusters of experts that are kept alike and take turns resting; one expert for a whole sequence.
#include "cards/choosing.hpp"

using namespace gmoe_test;

namespace {

using naive::mat;
using naive::vec;

/// Number i of a matrix that is filled with uniform numbers of the stream.
double uniform_word(const gmoe::random_stream& random, std::size_t i, double low = 0, double high = 1) {
  return gmoe::fn::uniform_between<double>{low, high}(random.word(i));
}
gmoe::random_stream stream_of(std::size_t block, gmoe::random_site site) {
  return step_random.fork(block).fork(static_cast<std::uint64_t>(site));
}

struct moec_equations : naive::paired_mixture {
  std::size_t size = 2;
  double rest = 0.5, alpha = 0.01, beta = 0.01;
  vec terms{};

  pairs choose(const naive::call& at, const mat& z) override {
    const mat p = naive::softmax_of_rows(z);
    std::vector<double> draw;
    for (std::size_t e = 0; e < experts; ++e)
      draw.push_back(uniform_word(stream_of(at.block, gmoe::random_site::selection), e));
    pairs all(z.size());
    naive::number variances;
    for (std::size_t t = 0; t < z.size(); ++t) {
      const std::size_t first = static_cast<std::size_t>(naive::largest(p[t], 1)[0]) / size * size;
      const auto longest = std::max_element(draw.begin() + static_cast<std::ptrdiff_t>(first),
                                            draw.begin() + static_cast<std::ptrdiff_t>(first + size)) -
                           draw.begin();
      vec awake;
      for (std::size_t e = first; e < first + size; ++e)
        awake.push_back(!at.how.training || draw[e] > rest || static_cast<std::ptrdiff_t>(e) == longest
                            ? p[t][e]
                            : naive::number(-1));
      const std::size_t e = first + static_cast<std::size_t>(naive::largest(awake, 1)[0]);
      all[t].push_back({e, p[t][e]});
      naive::number mean, variance;
      for (std::size_t i = first; i < first + size; ++i) mean += p[t][i] / static_cast<double>(size);
      for (std::size_t i = first; i < first + size; ++i)
        variance += (p[t][i] - mean) * (p[t][i] - mean) / static_cast<double>(size);
      variances += variance / static_cast<double>(z.size());
    }
    terms.push_back(naive::number(alpha) * naive::switch_term(all, p) + naive::number(beta) * variances);
    return all;
  }
  std::map<std::string, naive::number> losses() override { return {{"balance", naive::mean_of(terms)}}; }
};

/// Every token has the logits of its sequence's first one, with noise in training; weight 1 that learns as p.
struct task_equations : naive::paired_mixture {
  bool noise = true;
  vec terms{};

  pairs choose(const naive::call& at, const mat& z) override {
    pairs all(z.size());
    mat p;
    for (std::size_t t = 0; t < z.size(); ++t) {
      const std::size_t b = t / at.how.sequence;
      vec first = z[b * at.how.sequence];
      for (std::size_t e = 0; e < experts; ++e)
        if (at.how.training && noise)
          first[e] += -std::log(
              -std::log(uniform_word(stream_of(at.block, gmoe::random_site::router), b * experts + e, 1e-6, 1 - 1e-6)));
      p.push_back(naive::softmax(first));
      const auto e = static_cast<std::size_t>(naive::largest(p[t], 1)[0]);
      all[t].push_back({e, naive::number::of(p[t][e], 1, 1)});
    }
    terms.push_back(naive::number(0.01) * naive::switch_term(all, p));
    return all;
  }
  std::map<std::string, naive::number> losses() override { return {{"balance", naive::mean_of(terms)}}; }
};

}  // namespace

TEST_CASE("cards/moec: its equations, differences, and token by token") {
  card_case c{.card = "moec"};
  check_equations(c, moec_equations{});
  check_reading(c);
  moec_equations six;
  six.experts = 6;
  six.size = 3;
  six.rest = 0.8;
  six.alpha = 0.2;
  six.beta = 3;
  c.shape.experts = 6;
  c.set = {
      {"select.size", "3"}, {"select.rest", "0.8"}, {"balance.switch.alpha", "0.2"}, {"balance.cluster.beta", "3"}};
  check_equations(c, six);
  c.training = false;
  check_equations(c, six);
  c.training = true;
  const auto model = model_of<GMOE_TEST_BACKEND<double>>(c);
  for (const bool training : {true, false}) check_padding(*model, training);
  c.shape.layers = 2;
  check_gradients(c);
  CHECK(refusal({.card = "moec", .set = {{"select.size", "3"}}}) ==
        "select.size is 3, expected a divisor of the 4 experts that a layer sees");
}

TEST_CASE("cards/moec: clusters of one without a loss on them are top-1") {
  check_same({.card = "moec", .set = {{"select.size", "1"}, {"balance.cluster.beta", "7"}}},
             {.card = "sigma-tiny", .set = {{"select.until", "0"}}});
}

TEST_CASE("cards/task-moe: its equations, reach, and token by token") {
  card_case c{.card = "task-moe"};
  check_equations(c, task_equations{});
  check_reading(c);
  c.training = false;
  check_equations(c, task_equations{});
  c.training = true;
  c.set = {{"router.noise", "false"}};
  task_equations calm;
  calm.noise = false;
  check_equations(c, calm);
  const auto model = model_of<GMOE_TEST_BACKEND<double>>(c);
  for (const bool training : {true, false}) {
    CHECK(gmoe::check_causality(*model, 6, training).measured <= gmoe::reach::past);
    check_padding(*model, training);
  }
  c.sequence = 1;  // every token for itself
  c.batch = 6;
  check_equations(c, calm);
}
