// GMoE's precursor: no propagated logits, but experts that see what router and scores make of x.
#include "cards/gmoe_film.hpp"
#include "cards/check.hpp"

using namespace gmoe_test;

namespace {

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
  const auto wide = gmoe::make_model<B, GMOE_TEST_CARDS>(card_of(film), film.shape, 42, gmoe::build_mode::shapes_only);
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
