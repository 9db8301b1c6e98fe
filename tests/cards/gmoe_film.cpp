// GMoE's precursor: no propagated logits, but experts that see what router and scores make of x.
#include "cards/check.hpp"

using namespace gmoe_test;

namespace {

struct film_equations : naive::mixture {
  std::size_t experts = 4, width = 12;
  double alpha = 0.01, strength = 0.1;
  naive::mat h;
  std::vector<naive::number> balance;

  naive::mat operator()(const naive::call& at, naive::layer_record& record) override {
    const std::size_t count = at.x.size(), d = at.x[0].size();
    const std::string router = "router." + std::to_string(at.layer) + ".",
                      form = "h." + std::to_string(at.block) + ".moe.form.",
                      local = "h." + std::to_string(at.block) + ".moe.local.";
    const auto w = [&](const std::string& name) -> const naive::weight& { return at.w.at(name); };
    const double epsilon = at.how.epsilon;
    if (h.empty()) h.assign(count, naive::vec(d));
    naive::vec f(experts), mean(experts);
    naive::mat out;
    for (std::size_t t = 0; t < count; ++t) {
      const naive::vec& x = at.x[t];
      h[t] = naive::gru(x, h[t], w("router.gru.weight_ih"), w("router.gru.weight_hh"), w("router.gru.bias_ih"),
                        w("router.gru.bias_hh"));
      const naive::vec p = naive::softmax(rows_times(
          w(router + "gate_head"), layer_norm(h[t], w(router + "h_ln.weight"), w(router + "h_ln.bias"), epsilon)));
      const auto s = static_cast<std::size_t>(naive::largest(p, 1)[0]);

      naive::vec c = layer_norm(h[t], w(form + "state_ln.weight"), w(form + "state_ln.bias"), epsilon);
      for (const naive::number& n : rows_times(
               w(form + "score_proj"), layer_norm(p, w(form + "score_ln.weight"), w(form + "score_ln.bias"), epsilon)))
        c.push_back(n);
      naive::vec u = rows_times(w(form + "w_in"), c);
      for (std::size_t i = 0; i < u.size(); ++i) u[i] = naive::relu(u[i] + w(form + "bias_in")[i]);
      naive::vec both = rows_times(w(form + "w_out"), u), seen;
      for (std::size_t i = 0; i < 2 * d; ++i) both[i] += w(form + "bias_out")[i];
      for (std::size_t i = 0; i < d; ++i)
        seen.push_back((naive::number(1) + naive::number(strength) * tanh(both[i])) * x[i] + both[d + i]);

      naive::vec y = naive::expert(w(local + "w_in"), w(local + "w_out"), 0, width, seen);
      const naive::vec part = naive::expert(w("experts.w_in"), w("experts.w_out"), s * width, width, seen);
      for (std::size_t i = 0; i < d; ++i) y[i] += p[s] * part[i];
      out.push_back(y);
      record.chosen.push_back({static_cast<int>(s)});
      f[s] += 1.0 / static_cast<double>(count);
      for (std::size_t e = 0; e < experts; ++e) mean[e] += p[e] / static_cast<double>(count);
    }
    record.kept = record.chosen;
    naive::number loss;
    for (std::size_t e = 0; e < experts; ++e)
      loss += naive::number(alpha * static_cast<double>(experts)) * f[e] * mean[e];
    balance.push_back(loss);
    return out;
  }
  std::map<std::string, naive::number> losses() override {
    naive::number sum;
    for (const naive::number& l : balance) sum += l / static_cast<double>(balance.size());
    return {{"balance", sum}};
  }
};

/// One of the form's parameters becomes zeros in all blocks.
template <class Model>
void silence_modulation(Model& model) {
  using B = typename Model::backend_type;
  model.each_parameter([](gmoe::parameter<B>& p) {
    if (p.name().ends_with("form.w_out") || p.name().ends_with("form.bias_out"))
      B::fill(p.value().view(), typename B::scalar(0));
  });
}

}  // namespace

TEST_CASE("cards/gmoe_film: its equations, differences, and token by token") {
  card_case c{.card = "gmoe-film", .set = {{"form.hidden", "5"}, {"balance.alpha", "0.3"}, {"form.strength", "0.7"}}};
  film_equations equations;
  equations.alpha = 0.3;
  equations.strength = 0.7;
  check_equations(c, equations);
  c.training = false;
  check_equations(c, equations);
  c.training = true;
  c.shape.experts = equations.experts = 1;  // layer norm of one score is its bias
  check_equations(c, equations);
  c.shape.experts = 4;
  c.shape.layers = 2;
  check_gradients(c);
  check_reading(c);
}

TEST_CASE("cards/gmoe_film: with a last layer of zeros, as it begins, it is gmoe without propagated logits") {
  using B = GMOE_TEST_BACKEND<double>;
  card_case film{.card = "gmoe-film"};
  const auto one = model_of<B>(film);
  silence_modulation(*one);
  gmoe::language_model<gmoe::gmoe_no_logits_card, B> other(film.shape);
  randomise(other);
  const text t(2, 5, film.shape.vocab);
  CHECK(losses_of(*one, t, true).total.value().item() == losses_of(other, t, true).total.value().item());
  CHECK(losses_of(*model_of<B>(film), t, true).total.value().item() != losses_of(other, t, true).total.value().item());

  // So does a new one; its hidden layer has 128 units, or d / 4 where that is more.
  film.shape.d_model = 520;
  film.shape.layers = 1;
  const auto wide = gmoe::make_model<B, GMOE_TEST_CARDS>(card_of(film), film.shape);
  CHECK(named(*wide, "h.0.moe.form.w_in").rows() == 130);
  film.shape.d_model = 8;
  const auto fresh = gmoe::make_model<B, GMOE_TEST_CARDS>(card_of(film), film.shape);
  CHECK(named(*fresh, "h.0.moe.form.w_in").rows() == 128);
  gmoe::language_model<gmoe::gmoe_no_logits_card, B> plain(film.shape);
  CHECK(losses_of(*fresh, t, true).total.value().item() == losses_of(plain, t, true).total.value().item());
}

TEST_CASE("cards/gmoe_film: padding, and what is refused") {
  using B = GMOE_TEST_BACKEND<double>;
  gmoe::language_model<gmoe::gmoe_film_card, B> model(small_sizes());
  randomise(model);
  check_padding(model, true);
  CHECK(config_message([] {
          gmoe::any_card card = gmoe::make_card<GMOE_TEST_CARDS>("gmoe-film");
          gmoe::change_setting(card, "form.strength", "-1");
        }).find("form.strength is -1, expected 0 or more") != std::string::npos);
  // Without the note there is nothing to read.
  gmoe::language_model<gmoe::with<gmoe::gmoe_film_card, gmoe::global_router<gmoe::hidden_state>>, B> silent(
      small_sizes());
  CHECK(config_message([&] { losses_of(silent, text(1, 3, 11), false); }) ==
        "block 0: no policy has noted 'router_h' in the routing; there are no notes");
}
