// The code of docs/own-loop.md: mixtures in a network of one's own, trained on data and with a loss of one's own.
#include <cmath>
#include <iostream>
#include <string_view>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/moe/stack.hpp"
#include "gmoe/nn/layer_norm.hpp"
#include "gmoe/nn/linear.hpp"
#include "gmoe/train/adamw.hpp"
#include "gmoe/train/clip.hpp"
#include "gmoe/train/schedule.hpp"

namespace {

// [network]
/// Numbers in, a number out: a linear layer, blocks of norm and mixture, a linear layer.
template <class Card, class B>
struct network {
  gmoe::moe_stack<Card, B> moe;
  gmoe::nn::linear<B> in, out;
  std::vector<gmoe::nn::layer_norm<B>> norms;

  network(gmoe::index_t inputs, const gmoe::sizes& s, const Card& card = {}, std::uint64_t seed = 42)
      : moe(s, card, seed) {
    const gmoe::builder<B> make(seed);
    in = gmoe::nn::linear<B>::make(make.scope("in"), inputs, s.d_model, 1);
    out = gmoe::nn::linear<B>::make(make.scope("out"), s.d_model, 1, 0.1);
    for (gmoe::index_t l = 0; l < moe.layers(); ++l)
      norms.push_back(gmoe::nn::layer_norm<B>::make(make.scope("norm", l), s.d_model, s.layer_norm_epsilon));
  }

  gmoe::variable<B> operator()(gmoe::moe_pass<Card, B>& pass, const gmoe::variable<B>& x) const {
    const gmoe::context<B>& ctx = pass.where();
    gmoe::variable<B> u = in(ctx, x);
    for (gmoe::index_t l = 0; l < moe.layers(); ++l)
      u = add(u, moe(pass, l, norms[static_cast<std::size_t>(l)](ctx, u)));
    return out(ctx, u);
  }

  std::vector<gmoe::parameter<B>*> parameters() {
    gmoe::kept_list<B> all = moe.kept();
    walk(in, all);
    walk(norms, all);
    walk(out, all);
    return all.parameters;
  }
};
// [/network]

// [loss]
/// The mean of (y - target)^2: mean_squared_error of ops/reduce.hpp, written out.
template <class B>
gmoe::variable<B> my_loss(const gmoe::variable<B>& y, const gmoe::variable<B>& target) {
  return scale(sum(square(subtract(y, target))), 1.0 / static_cast<double>(y.rows() * y.cols()));
}
// [/loss]

// [data]
/// Points of the square and a function that is another one on each side of a line: something to divide among experts.
template <class B>
struct points {
  gmoe::matrix<B> x, y;  // n x 2, n x 1

  static points draw(gmoe::index_t n, const gmoe::random_stream& random) {
    std::vector<typename B::scalar> x(static_cast<std::size_t>(2 * n)), y;
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<typename B::scalar>(2 * random.uniform(i) - 1);
    for (std::size_t i = 0; i < x.size(); i += 2) y.push_back(x[i] > x[i + 1] ? std::sin(4 * x[i]) : x[i] * x[i + 1]);
    return {gmoe::matrix<B>::from_host(x, n, 2), gmoe::matrix<B>::from_host(y, n, 1)};
  }
};
// [/data]

// [train]
/// Trains for so many steps, each on new points.
template <class Card, class B>
void train(network<Card, B>& model, std::int64_t steps, std::uint64_t seed = 1) {
  gmoe::adamw<B> optimizer(model.parameters(), {.weight_decay = 0.01});
  const gmoe::cosine_schedule rate{.peak = 1e-2, .warmup = steps / 10, .total = steps};
  const gmoe::random_stream random = gmoe::random_stream(seed).fork("my data");
  gmoe::tape<B> tape;
  gmoe::step_statistics<B> statistics;
  for (std::int64_t step = 0; step < steps; ++step) {
    const auto data = points<B>::draw(64, random.fork("points").fork(static_cast<std::uint64_t>(step)));
    gmoe::context<B> ctx{.tape = &tape, .training = true, .step = step};
    ctx.random = random.fork("draws").fork(static_cast<std::uint64_t>(step));  // of policies that draw
    model.moe.before_step(step);
    auto pass = model.moe.begin(ctx);
    gmoe::variable<B> loss = my_loss(model(pass, ctx.constant(data.x)), ctx.constant(data.y));
    if (const auto mixtures = pass.loss()) loss = add(loss, mixtures);  // balance, and what policies have added
    tape.backward(loss);
    optimizer.step(rate(step), gmoe::clipping_factor(gmoe::global_norm(optimizer.parameters()), 1.0));
    if constexpr (gmoe::moe_stack<Card, B>::hears_steps) {
      statistics.clear();
      statistics.add(pass.found());
      model.moe.after_step(step, statistics);
    }
  }
}
// [/train]

// [evaluate]
/// The error on points that no step has seen. Without a tape nothing is recorded, and the network is constant.
template <class Card, class B>
double error_of(const network<Card, B>& model) {
  const auto data = points<B>::draw(500, gmoe::random_stream(2));
  const gmoe::context<B> ctx;
  auto pass = model.moe.begin(ctx);
  return my_loss(model(pass, ctx.constant(data.x)), ctx.constant(data.y)).value().item();
}
// [/evaluate]

// [run]
double train_my_network() {
  network<gmoe::gmoe_card, gmoe::cpu<float>> model(2, {.d_model = 16, .layers = 2, .d_ff = 32, .experts = 4});
  train(model, 300);
  return error_of(model);
}
// [/run]

// [losses]
/// Every loss of the mixtures by its name, and how many tokens each expert of each layer got.
template <class Card, class B>
void print_findings(const gmoe::moe_pass<Card, B>& pass) {
  pass.losses([](std::string_view name, const gmoe::variable<B>& value) {
    std::cout << name << " " << value.value().item() << "\n";
  });
  for (const gmoe::routing<B>& r : pass.found().routings) {
    const auto share = chosen_fractions(r).value().to_host();
    std::cout << "block " << r.block << ":";
    for (const auto s : share) std::cout << " " << s;
    std::cout << "\n";
  }
}
// [/losses]

bool expect(bool so, const char* what) {
  if (!so) std::cerr << "not so: " << what << "\n";
  return so;
}

}  // namespace

int main() {
  using B = gmoe::cpu<float>;
  bool good = true;
  const network<gmoe::gmoe_card, B> fresh(2, {.d_model = 16, .layers = 2, .d_ff = 32, .experts = 4});
  const double before = error_of(fresh), after = train_my_network();
  std::cout << "mean squared error before training " << before << ", after it " << after << "\n";
  good &= expect(after < 0.1 * before && after < 0.05, "training lowers the error to a small part");
  good &= expect(train_my_network() == after, "twice the same training is the same");

  auto pass = fresh.moe.begin({});
  fresh(pass, gmoe::variable<B>(points<B>::draw(50, gmoe::random_stream(3)).x));
  print_findings(pass);
  int balance = 0;
  pass.losses([&](std::string_view name, const auto&) { balance += name == "balance"; });
  good &= expect(balance == 1, "the balance loss is there by its name");

  // The loss of one's own: (1 + 9) / 2.
  using D = gmoe::cpu<double>;
  const auto column = [](std::vector<double> v) { return gmoe::variable<D>(gmoe::matrix<D>::from_host(v, 2, 1)); };
  good &= expect(my_loss(column({1, 2}), column({2, 5})).value().item() == 5, "the mean of the squares");
  return good ? 0 : 1;
}
