// Trees over the experts, walked node by node.
#include <functional>

#include "cards/check.hpp"

using namespace gmoe_test;

namespace {

naive::number smooth_step_of(const naive::number& a, double softness) {
  const double x = a.value(), g = softness;
  if (x <= -g / 2) return 0;
  if (x >= g / 2) return 1;
  return naive::number::of(a, -2 * x * x * x / (g * g * g) + 3 * x / (2 * g) + 0.5, -6 * x * x / (g * g * g) + 1.5 / g);
}

struct comet_equations : naive::mixture {
  std::size_t layers = 3, experts = 4, width = 12, trees = 2;
  double softness = 1, entropy = 0.01;
  double temperature = 0;  ///< of the order of the leaves; 0: leaf e is expert e
  std::size_t rounds = 20;
  naive::number loss;
  bool training = false;

  /// Sinkhorn(O_j / t), row by row.
  naive::mat order_of(const naive::weight& order, std::size_t j) const {
    naive::mat p(experts, naive::vec(experts));
    for (std::size_t l = 0; l < experts; ++l)
      for (std::size_t e = 0; e < experts; ++e)
        p[l][e] = temperature > 0 ? exp(order(j * experts + l, e) / temperature) : naive::number(l == e ? 1 : 0);
    for (std::size_t i = 0; temperature > 0 && i < rounds; ++i) {
      for (std::size_t e = 0; e < experts; ++e) {
        naive::number sum;
        for (std::size_t l = 0; l < experts; ++l) sum += p[l][e];
        for (std::size_t l = 0; l < experts; ++l) p[l][e] = p[l][e] / sum;
      }
      for (naive::vec& row : p) {
        naive::number sum;
        for (const naive::number& v : row) sum += v;
        for (naive::number& v : row) v = v / sum;
      }
    }
    return p;
  }

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    training = at.how.training;
    const std::string router = "router." + std::to_string(at.layer) + ".";
    const auto w = [&](const std::string& name) -> const naive::weight& { return at.w.at(name); };
    naive::mat y;
    std::vector<naive::mat> orders;
    for (std::size_t j = 0; j < trees; ++j)
      orders.push_back(order_of(temperature > 0 ? w(router + "order") : naive::weight{}, j));
    for (const naive::vec& x : at.x) {
      naive::vec weight(experts);
      naive::number all = 0;
      for (std::size_t j = 0; j < trees; ++j) {
        std::size_t leaf = 0;  // from left to right
        const std::function<void(std::size_t, naive::number)> walk = [&](std::size_t node, const naive::number& share) {
          if (node >= experts - 1) {
            const std::size_t row = j * experts + leaf;
            naive::number says = w(router + "leaf_bias")[row];
            for (std::size_t i = 0; i < x.size(); ++i) says += w(router + "leaves")(row, i) * x[i];
            const naive::number part = share * exp(says);
            for (std::size_t e = 0; e < experts; ++e)
              if (orders[j][leaf][e].value() != 0) weight[e] += part * orders[j][leaf][e];
            ++leaf;
            all += part;
            if (share.value() > 0)
              loss += naive::number(-entropy / static_cast<double>(layers * at.x.size())) * share * log(share);
            return;
          }
          const std::size_t row = j * (experts - 1) + node;
          naive::number a = w(router + "node_bias")[row];
          for (std::size_t i = 0; i < x.size(); ++i) a += w(router + "nodes")(row, i) * x[i];
          const naive::number left = smooth_step_of(a, softness);
          walk(2 * node + 1, share * left);
          walk(2 * node + 2, share * (naive::number(1) - left));
        };
        walk(0, 1);
      }
      naive::vec out(x.size());
      record.chosen.emplace_back();
      for (std::size_t e = 0; e < experts; ++e) {
        if (!(weight[e].value() > 0)) continue;
        record.chosen.back().push_back(static_cast<int>(e));
        const naive::vec part =
            naive::expert(w("experts.w_in"), w("experts.w_out"), (at.layer * experts + e) * width, width, x);
        for (std::size_t i = 0; i < x.size(); ++i) out[i] += weight[e] / all * part[i];
      }
      y.push_back(out);
    }
    record.kept = record.chosen;
    return y;
  }
  std::map<std::string, naive::number> losses() override {
    if (!training || experts == 1 || entropy == 0) return {};
    return {{"tree_entropy", loss}};
  }
};

/// Experts of every token of every routing, sorted by how many tokens have so many.
template <class B>
std::vector<index_t> tokens_by_count(const gmoe::findings<B>& found) {
  std::vector<index_t> tokens;
  for (const auto& r : found.routings) {
    const auto kept = r.kept.to_host();
    for (index_t t = 0; t < r.kept.rows(); ++t) {
      std::size_t count = 0;
      for (index_t j = 0; j < r.kept.cols(); ++j)
        count += kept[static_cast<std::size_t>(t * r.kept.cols() + j)] != gmoe::no_choice;
      tokens.resize(std::max(tokens.size(), count + 1));
      ++tokens[count];
    }
  }
  return tokens;
}

}  // namespace

TEST_CASE("cards/comet: its equations for any number of experts, sure and unsure") {
  for (const index_t experts : {4, 1, 2, 3, 5, 6, 7}) {
    CAPTURE(experts);
    card_case c{.card = "comet", .set = {{"router.softness", "2.5"}, {"router.entropy", "0.6"}}};
    comet_equations equations;
    c.shape.experts = experts;
    equations.experts = static_cast<std::size_t>(experts);
    equations.softness = 2.5;
    equations.entropy = 0.6;
    check_equations(c, equations);
  }
  card_case c{.card = "comet", .set = {{"router.trees", "3"}, {"router.entropy", "0"}}};
  comet_equations equations;
  equations.trees = 3;
  equations.entropy = 0;
  check_equations(c, equations);
  c = {.card = "comet", .training = false};
  check_equations(c, comet_equations{});
}

TEST_CASE("cards/comet: sure trees choose a leaf each, weighed by the softmax of what the leaves say") {
  card_case c{.card = "comet", .set = {{"router.softness", "1e-9"}}};
  comet_equations equations;
  equations.softness = 1e-9;
  const auto found = check_equations(c, equations);
  const std::vector<index_t> tokens = tokens_by_count(found);
  CHECK(tokens.size() == 3);  // never more than the two trees
  CHECK(tokens[0] == 0);
  CHECK(tokens[1] > 0);  // both trees may choose the same
  CHECK(tokens[2] > 0);
  for (const auto& l : found.losses) CHECK(l.value.value().item() == 0);  // nothing left to be unsure of

  // A new one asks everybody.
  using B = GMOE_TEST_BACKEND<double>;
  const auto fresh = gmoe::make_model<B, GMOE_TEST_CARDS>(card_of({.card = "comet"}), c.shape);
  const text t(2, 5, c.shape.vocab);
  CHECK(tokens_by_count(losses_of(*fresh, t, true).found) == std::vector<index_t>{0, 0, 0, 0, 30});

  // One sure tree: the whole weight is its leaf's.
  c.set = {{"router.softness", "1e-9"}, {"router.trees", "1"}};
  for (const auto& r : check_equations(c,
                                       [] {
                                         comet_equations one;
                                         one.softness = 1e-9;
                                         one.trees = 1;
                                         return one;
                                       }())
                           .routings)
    for (const double w : r.scores.value().to_host()) CHECK((w == 0 || w == 1));
}

TEST_CASE("cards/comet: gradients where weights are exactly 0, token by token, padding") {
  card_case c{.card = "comet", .set = {{"router.softness", "2"}, {"router.entropy", "0.5"}}};
  check_gradients(c);
  c.shape.experts = 6;
  c.shape.layers = 1;
  check_gradients(c);
  check_reading(c);
  gmoe::language_model<gmoe::comet_card, GMOE_TEST_BACKEND<double>> model(small_sizes());
  randomise(model);
  check_padding(model, true);
}

TEST_CASE("cards/comet: leaves that say very different things are weighed without overflow") {
  using B = GMOE_TEST_BACKEND<double>;
  const auto model = model_of<B>({.card = "comet", .set = {{"router.softness", "2"}}});
  model->each_parameter([](gmoe::parameter<B>& p) {
    if (p.name().ends_with("leaf_bias")) {
      std::vector<double> far(static_cast<std::size_t>(p.size()));
      for (std::size_t i = 0; i < far.size(); ++i) far[i] = i % 3 == 0 ? 5000 : -5000;
      p.value() = gmoe::matrix<B>::from_host(far, 1, p.size());
    }
  });
  gmoe::tape<B> tape;
  const auto l = losses_of(*model, text(2, 5, 11), true, &tape);
  tape.backward(l.total);
  CHECK(std::isfinite(l.total.value().item()));
  model->each_parameter([](gmoe::parameter<B>& p) {
    INFO(p.name());
    for (const double g : p.gradient().to_host()) CHECK(std::isfinite(g));
    p.forget_gradient();
  });
  CHECK(config_message([] {
          gmoe::any_card card = gmoe::make_card<GMOE_TEST_CARDS>("comet");
          gmoe::change_setting(card, "router.softness", "0");
        }).find("router.softness is 0, expected a positive number") != std::string::npos);
}

TEST_CASE("cards/comet: comet-plus learns the order of the leaves") {
  card_case c{.card = "comet-plus",
              .set = {{"router.of.softness", "2"},
                      {"router.warm", "0.9"},
                      {"router.cold", "0.4"},
                      {"router.rounds", "3"},
                      {"router.steps", "2"}}};
  comet_equations equations;
  equations.softness = 2;
  equations.rounds = 3;
  equations.temperature = 0.9 * std::sqrt(0.4 / 0.9);  // in the first of two steps
  check_equations(c, equations);
  c.shape.experts = equations.experts = 3;
  check_equations(c, equations);
  c.shape.layers = 2;
  check_gradients(c);
  check_reading(c);
}

TEST_CASE("cards/comet: then comet-plus keeps the order that it likes most, and nothing trains it any more") {
  using B = GMOE_TEST_BACKEND<double>;
  const card_case c{.card = "comet-plus", .set = {{"router.of.softness", "2"}, {"router.steps", "2"}}};
  const auto model = model_of<B>(c);
  const text t(2, 5, c.shape.vocab);
  const auto loss_at = [&](const auto& m, std::int64_t step) {
    gmoe::context<B> ctx;
    ctx.step = step;
    return m.loss(ctx, t.on<B>(c.shape.vocab)).total.value().item();
  };
  // In layer l leaf e of both trees belongs to expert (e + l) modulo 4.
  model->each_parameter([](gmoe::parameter<B>& p) {
    if (!p.name().ends_with(".order")) return;
    const int shift = p.name()[std::string("router.").size()] - '0';
    std::vector<double> likes(static_cast<std::size_t>(p.size()));
    for (int i = 0; i < static_cast<int>(p.rows()); ++i)
      for (int e = 0; e < 4; ++e)
        likes[static_cast<std::size_t>(4 * i + e)] = e == (i + shift) % 4 ? 0.5 : 0.1 * e - 0.01 * i;
    p.value() = gmoe::matrix<B>::from_host(likes, p.rows(), 4);
  });
  gmoe::step_statistics<B> passes;
  passes.add(losses_of(*model, t, true).found);
  CHECK(named(*model, "router.0.order").trained());
  model->after_step(0, passes);
  const double in_order = loss_at(*model, 2);
  model->after_step(1, passes);
  model->before_step(2);
  CHECK(!named(*model, "router.0.order").trained());
  CHECK(loss_at(*model, 2) != in_order);

  // The same as comet with its experts in that order.
  gmoe::language_model<gmoe::comet_card, B> plain(c.shape,
                                                  gmoe::card<gmoe::comet_card>(gmoe::tree_router{.softness = 2}));
  randomise(plain);
  CHECK(loss_at(plain, 2) == doctest::Approx(in_order).epsilon(1e-13));
  for (const char* name : {"experts.w_in", "experts.w_out"}) {
    gmoe::parameter<B>& bank = named(plain, name);
    const auto before = bank.value().to_host();
    auto after = before;
    const std::size_t expert = static_cast<std::size_t>(12 * bank.cols());  // numbers of one expert
    for (std::size_t l = 0; l < 3; ++l)
      for (std::size_t e = 0; e < 4; ++e)
        std::copy_n(before.begin() + static_cast<std::ptrdiff_t>((4 * l + (e + l) % 4) * expert), expert,
                    after.begin() + static_cast<std::ptrdiff_t>((4 * l + e) * expert));
    bank.value() = gmoe::matrix<B>::from_host(after, bank.rows(), bank.cols());
  }
  CHECK(loss_at(plain, 2) == doctest::Approx(loss_at(*model, 2)).epsilon(1e-13));
}
