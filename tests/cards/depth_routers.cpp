// Routers shared over depth, in loops over tokens, layers and experts: PathMoE and its controls, Omni-Router, RMoE.
#include "cards/check.hpp"

using namespace gmoe_test;

namespace {

using naive::number;
using naive::vec;

/// Names of a router's parameters: a router that blocks of layers share has the first block's under "router.".
std::string of_block(std::size_t layer, std::size_t block) {
  const std::size_t b = block == 0 ? 0 : layer / block;
  return b == 0 ? "router." : "router.group." + std::to_string(b) + ".";
}
std::string of_layer(std::size_t layer) { return "router." + std::to_string(layer) + "."; }

vec cosines(const naive::weights& w, const std::string& at, const vec& x) {
  const vec u = rows_times(w.at(at + "down"), x);
  number length = 1e-12;
  for (const number& v : u) length += v * v;
  vec z;
  for (std::size_t e = 0; e < w.at(at + "keys").rows; ++e) {
    number dot = 0, of_key = 1e-12;
    for (std::size_t j = 0; j < u.size(); ++j) {
      const number& k = w.at(at + "keys")(e, j);
      dot += u[j] * k;
      of_key += k * k;
    }
    z.push_back(dot / sqrt(length) / sqrt(of_key) / exp(w.at(at + "log_temperature")[0]));
  }
  return z;
}

vec plain_cell(const vec& x, const vec& h, const naive::weights& w) {
  const vec i = rows_times(w.at("router.cell.weight_ih"), x), s = rows_times(w.at("router.cell.weight_hh"), h);
  vec next;
  for (std::size_t j = 0; j < h.size(); ++j)
    next.push_back(tanh(i[j] + w.at("router.cell.bias_ih")[j] + s[j] + w.at("router.cell.bias_hh")[j]));
  return next;
}

enum class balancing { none, per_layer, joint };

/// Top-k of softmax(z) over a private pool; z by the card's router.
struct depth_equations : naive::mixture {
  std::string card;
  std::size_t experts = 4, width = 12, k = 2, block = 4, narrow = 32;
  bool renormalise = true;
  double alpha = 0, routed = 1, always = 0;  ///< factors of the two parts
  balancing balance = balancing::none;

  std::vector<vec> f, p_means, first_logits, h;

  vec logits(const naive::call& at, const vec& x, std::size_t t) {
    const std::size_t l = at.layer;
    if (card == "path-moe" || card == "omni-router") return rows_times(at.w.at(of_block(l, block) + "gate"), x);
    if (card == "path-cosine") return cosines(at.w, of_block(l, block), x);
    if (card == "random-router") return rows_times(at.w.at(of_layer(l) + "gate"), x);
    if (card == "low-rank-moe") {
      vec z = rows_times(at.w.at("router.gate"), x);
      const vec own = rows_times(at.w.at(of_layer(l) + "up"), rows_times(at.w.at(of_layer(l) + "down"), x));
      for (std::size_t e = 0; e < experts; ++e) z[e] += own[e];
      return z;
    }
    if (card == "mono-block") {
      if (block == 0 ? l == 0 : l % block == 0) {
        first_logits.resize(at.x.size());
        first_logits[t] = rows_times(at.w.at(of_block(l, block) + "gate"), x);
      }
      return first_logits[t];
    }
    const vec a = rows_times(at.w.at(of_layer(l) + "down"), x);
    if (h.size() < at.x.size()) h.assign(at.x.size(), vec(narrow));
    h[t] = card == "rmoe-plain"
               ? plain_cell(a, h[t], at.w)
               : naive::gru(a, h[t], at.w.at("router.cell.weight_ih"), at.w.at("router.cell.weight_hh"),
                            at.w.at("router.cell.bias_ih"), at.w.at("router.cell.bias_hh"));
    return rows_times(at.w.at(of_layer(l) + "head"), h[t]);
  }

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const double tokens = static_cast<double>(at.x.size());
    naive::mat y;
    vec share(experts), mean(experts);
    for (std::size_t t = 0; t < at.x.size(); ++t) {
      const vec& x = at.x[t];
      const vec p = naive::softmax(logits(at, x, t));
      const std::vector<int> chosen = naive::largest(p, k);
      number sum = 1e-9;
      for (const int e : chosen) sum += p[static_cast<std::size_t>(e)];
      vec out(x.size());
      if (always != 0) {
        const std::string local = "h." + std::to_string(at.block) + ".moe.local.";
        const vec part = naive::expert(at.w.at(local + "w_in"), at.w.at(local + "w_out"), 0, width, x);
        for (std::size_t i = 0; i < x.size(); ++i) out[i] += number(always) * part[i];
      }
      for (const int c : chosen) {
        const auto e = static_cast<std::size_t>(c);
        const number weight = renormalise ? p[e] / sum : p[e];
        const vec part = naive::expert(at.w.at("experts.w_in"), at.w.at("experts.w_out"),
                                       (at.layer * experts + e) * width, width, x);
        for (std::size_t i = 0; i < x.size(); ++i) out[i] += number(routed) * weight * part[i];
        share[e] += 1 / (tokens * static_cast<double>(k));
      }
      for (std::size_t e = 0; e < experts; ++e) mean[e] += p[e] / tokens;
      record.chosen.push_back(chosen);
      y.push_back(out);
    }
    record.kept = record.chosen;
    f.push_back(share);
    p_means.push_back(mean);
    return y;
  }
  std::map<std::string, number> losses() override {
    if (balance == balancing::none) return {};
    const double layers = static_cast<double>(f.size()), n = static_cast<double>(experts);
    number sum;
    for (std::size_t e = 0; e < experts; ++e) {
      number of_all = 0, mean = 0;
      for (std::size_t l = 0; l < f.size(); ++l) {
        of_all += f[l][e] / layers;
        mean += p_means[l][e] / layers;
        if (balance == balancing::per_layer) sum += number(alpha * n / layers) * f[l][e] * p_means[l][e];
      }
      if (balance == balancing::joint) sum += number(alpha * n) * of_all * mean;
    }
    return {{"balance", sum}};
  }
};

depth_equations equations_of_depth(const std::string& card) {
  depth_equations q;
  q.card = card;
  if (card == "omni-router") {
    q.block = 0;
    q.k = 1;
    q.renormalise = false;
    q.balance = balancing::per_layer;
    q.alpha = 0.01;
  }
  if (card.starts_with("rmoe")) {
    q.balance = balancing::joint;
    q.alpha = 0.001;
  }
  if (card == "rmoe-shared") q.always = q.routed = 0.5;
  return q;
}

}  // namespace

TEST_CASE("cards/depth_routers: every card against its equations, in training and in evaluation") {
  for (const gmoe::card_text& text : gmoe::depth_cards::texts) {
    card_case c{.card = std::string(text.name)};
    const depth_equations equations = equations_of_depth(c.card);
    check_equations(c, equations);
    c.training = false;
    check_equations(c, equations);
    check_reading(c);
  }
}

TEST_CASE("cards/depth_routers: blocks that end early, one expert, all experts") {
  for (const char* name : {"path-moe", "path-cosine", "mono-block"})
    for (const std::size_t block : {std::size_t{0}, std::size_t{1}, std::size_t{2}}) {
      card_case c{.card = name};
      const std::string field = c.card == "mono-block" ? "router.of.block" : "router.block";
      c.set = {{field, std::to_string(block)}};
      c.shape.layers = 5;
      depth_equations equations = equations_of_depth(c.card);
      equations.block = block;
      check_equations(c, equations);
    }
  for (const index_t experts : {1, 2})
    for (const gmoe::card_text& text : gmoe::depth_cards::texts) {
      card_case c{.card = std::string(text.name)};
      c.shape.experts = experts;
      depth_equations equations = equations_of_depth(c.card);
      equations.experts = equations.k = static_cast<std::size_t>(experts);
      c.set = {{"select.k", std::to_string(experts)}};
      check_equations(c, equations);
    }
}

TEST_CASE("cards/depth_routers: equal logits are taken in the order of the experts") {
  card_case c{.card = "path-moe"};
  using B = GMOE_TEST_BACKEND<double>;
  const auto model = model_of<B>(c);
  B::fill(named(*model, "router.gate").value().view(), 0.0);
  const auto found = losses_of(*model, text(2, 5, c.shape.vocab), true).found;
  for (const auto& r : found.routings)
    for (const auto ids = r.chosen.to_host(); const id_type e : ids) CHECK(e < 2);
}

TEST_CASE("cards/depth_routers: gradients against differences") {
  for (const char* name :
       {"path-moe", "path-cosine", "low-rank-moe", "mono-block", "omni-router", "rmoe", "rmoe-plain"}) {
    card_case c{.card = name};
    c.shape.layers = 2;
    c.shape.d_model = 4;
    c.shape.d_ff = 5;
    if (c.card.starts_with("rmoe")) c.set = {{"router.width", "3"}};
    if (c.card == "path-cosine") c.set = {{"router.of.width", "3"}};
    check_gradients(c);
  }
}

TEST_CASE("cards/depth_routers: what each is when nothing is shared, and when everything is") {
  // Blocks of one layer route as independent routers do, a block of all layers as the omni-router does: only names
  // differ.
  const auto same = [](card_case a, card_case b, const std::vector<std::pair<std::string, std::string>>& names) {
    using B = GMOE_TEST_BACKEND<double>;
    const auto one = model_of<B>(a), other = model_of<B>(b);
    for (const auto& [from, to] : names) {
      const auto& source = named(*one, from).value();
      named(*other, to).value() = gmoe::matrix<B>::from_host(source.to_host(), source.rows(), source.cols());
    }
    const text t(a.batch, a.sequence, a.shape.vocab);
    CHECK(losses_of(*one, t, true).language.value().item() == losses_of(*other, t, true).language.value().item());
  };
  const card_case smoe{.card = "smoe"};
  same({.card = "path-moe", .set = {{"router.block", "1"}}}, smoe,
       {{"router.gate", "router.0.gate"},
        {"router.group.1.gate", "router.1.gate"},
        {"router.group.2.gate", "router.2.gate"}});
  same({.card = "path-moe", .set = {{"router.block", "0"}}}, smoe,
       {{"router.gate", "router.0.gate"}, {"router.gate", "router.1.gate"}, {"router.gate", "router.2.gate"}});
  same({.card = "mono-block", .set = {{"router.of.block", "1"}}}, {.card = "path-moe", .set = {{"router.block", "1"}}},
       {});
  // A term of low rank that is zero leaves the common router.
  card_case low{.card = "low-rank-moe"};
  using B = GMOE_TEST_BACKEND<double>;
  const auto one = model_of<B>(low), omni = model_of<B>({.card = "path-moe", .set = {{"router.block", "0"}}});
  for (const char* name : {"router.0.up", "router.1.up", "router.2.up"}) B::fill(named(*one, name).value().view(), 0.0);
  const text t(2, 5, low.shape.vocab);
  CHECK(losses_of(*one, t, true).total.value().item() == losses_of(*omni, t, true).total.value().item());
}

TEST_CASE("cards/depth_routers: a fixed router does not move, and the experts do") {
  using B = GMOE_TEST_BACKEND<double>;
  const card_case c{.card = "random-router"};
  const auto model = model_of<B>(c);
  gmoe::tape<B> tape;
  tape.backward(losses_of(*model, text(2, 5, c.shape.vocab), true, &tape).total);
  CHECK_FALSE(named(*model, "router.1.gate").trained());
  for (const double g : named(*model, "router.1.gate").gradient().to_host()) CHECK(g == 0);
  CHECK_FALSE(named(*model, "experts.w_in").gradient().empty());
}

TEST_CASE("cards/depth_routers: GMoE with a narrow state is GMoE's router in that space") {
  // Not a card: switches for one's own (docs/variants/path-moe.md).
  using narrow_gmoe =
      gmoe::with<gmoe::gmoe_card, gmoe::narrow<gmoe::global_router<gmoe::hidden_state, gmoe::propagated_logits>>>;
  gmoe::sizes s = small_sizes();
  narrow_gmoe card{};
  card.router.width = 5;
  gmoe::language_model<narrow_gmoe, model_backend> model(s, card);
  CHECK(named(model, "router.gru.weight_hh").cols() == 5);
  CHECK(named(model, "router.1.gate_head").cols() == 10);
  CHECK(named(model, "router.1.down").rows() == 5);
  randomise(model);
  s.layers = 2;
  gmoe::language_model<narrow_gmoe, model_backend> small(s, card);
  randomise(small);
  const auto hold = losses_of(small, text(2, 4, 11), true);
  CHECK(hold.found.routings.size() == 2);
}

TEST_CASE("cards/depth_routers: what they refuse") {
  CHECK(refusal({.card = "path-moe", .set = {{"router.block", "-1"}}}) == "router.block is -1, expected 0 or more");
  CHECK(refusal({.card = "rmoe", .set = {{"router.width", "0"}}}) == "router.width is 0, expected at least 1");
  CHECK(refusal({.card = "low-rank-moe", .set = {{"router.rank", "0"}}}) == "router.rank is 0, expected at least 1");
  CHECK(refusal({.card = "path-cosine", .set = {{"router.of.temperature", "0"}}}) ==
        "router.of.temperature is 0, expected a positive number");
}
