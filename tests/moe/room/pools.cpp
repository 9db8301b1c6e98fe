// Room for other pools: a union of neighbouring layers' experts, and experts of different widths.
#include <doctest/doctest.h>

#include "moe_checks.hpp"

using namespace gmoe;
using gmoe_test::text;
using B = gmoe_test::model_backend;

namespace {

/// ReXMoE (Tan et al. 2025): layers in groups of R, each sees the experts of its whole group.
struct neighbouring_pools {
  using slot = slots::experts;
  index_t group = 2;  ///< R
  static constexpr auto fields =
      std::tuple{field{"group", &neighbouring_pools::group, "layers that see each other's experts", at_least(1)}};
  static constexpr bool shared_between_layers = true;

  index_t total(const sizes& s, index_t moe_layers) const { return s.experts * moe_layers; }
  std::vector<id_type> visible(const sizes& s, index_t layer, index_t moe_layers) const {
    const index_t first = layer / group * group, end = std::min(first + group, moe_layers);
    std::vector<id_type> ids;
    for (index_t e = first * s.experts; e < end * s.experts; ++e) ids.push_back(static_cast<id_type>(e));
    return ids;
  }
};
using own_rexmoe_card = with<smoe_card, neighbouring_pools>;

/// HMoE (Wang et al. 2024): widths in arithmetic progression, d_ff on average; the same in every layer.
struct growing_widths {
  using slot = slots::experts;
  layer_pool of{};
  static constexpr bool shared_between_layers = layer_pool::shared_between_layers;

  index_t width(const sizes& s, index_t expert) const {
    const index_t place = expert % s.experts;
    return s.d_ff + 2 * place - (s.experts - 1);
  }
};

/// Its penalty: N sum_i M_i P_i, where M_i is the share of pairs of expert i times its width.
struct width_penalty {
  using slot = slots::balance;
  double alpha = 0.3;
  static constexpr auto fields = std::tuple{field{"alpha", &width_penalty::alpha, "coefficient of the penalty"}};

  template <class Backend>
  variable<Backend> layer_loss(const place<Backend>& at, const routing<Backend>& r) const {
    std::vector<typename Backend::scalar> width;
    for (index_t e = 0; e < r.experts; ++e)
      width.push_back(static_cast<typename Backend::scalar>(growing_widths{}.width(at.layer, e)) /
                      static_cast<typename Backend::scalar>(at.layer.d_ff));
    const variable<Backend> load =
        multiply(chosen_fractions(r), at.constant(matrix<Backend>::from_host(width, 1, r.experts)));
    return scale(dot(col_means(r.scores), load), alpha * static_cast<double>(r.experts));
  }
};

/// A mistake: one number of the layer's list is another one.
struct misspelt_pool {
  using slot = slots::experts;
  layer_pool of{};
  index_t wrong = 0;
  static constexpr auto fields = std::tuple{field{"wrong", &misspelt_pool::wrong, "another number"}};

  std::vector<id_type> visible(const sizes& s, index_t layer) const {
    std::vector<id_type> ids = of.visible(s, layer);
    if (layer == 1) ids[2] = static_cast<id_type>(wrong);
    return ids;
  }
};
std::string refusal_of(index_t wrong) {
  return gmoe_test::config_message([&] {
    moe_stack<with<switch_card, misspelt_pool>, B> moe(gmoe_test::small_sizes(), {.experts = {.wrong = wrong}});
  });
}

}  // namespace

TEST_CASE("moe/room: a pool's list names experts that there are, each once") {
  // Two mixtures of four experts, in blocks 0 and 2; the second lists 4, 5, 6, 7.
  CHECK(refusal_of(6) == "");
  CHECK(refusal_of(0) == "");  // a neighbour's
  CHECK(refusal_of(4) == "block 2 lists expert 4 more than once, expected every expert at most once");
  CHECK(refusal_of(8) == "block 2 lists expert 8, but the pool has experts 0 to 7");
  CHECK(refusal_of(-1) == "block 2 lists expert -1, but the pool has experts 0 to 7");
}

TEST_CASE("moe/room: a pool that is the union of neighbouring layers' experts") {
  const sizes s = gmoe_test::small_sizes();  // three layers of four experts
  language_model<own_rexmoe_card, B> model(s);
  CHECK(model.moe().bank().experts() == 12);
  const auto visible = [&](index_t l) { return model.moe().visible(l); };
  CHECK(visible(0) == std::vector<id_type>{0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(visible(1) == visible(0));
  CHECK(visible(2) == std::vector<id_type>{8, 9, 10, 11});  // the last group has one layer
  CHECK(model.moe().mine<slots::router>(0).layer.gate.rows() == 8);
  CHECK(model.moe().mine<slots::router>(2).layer.gate.rows() == 4);

  gmoe_test::randomise(model, 4);
  CHECK(gmoe_test::differences(model, text(2, 4, s.vocab), true).worst < 1e-7);

  // Groups of one are the usual mixture; one group over all layers is GMoE's sharing with a larger pool.
  language_model<own_rexmoe_card, B> own(s, {.experts = {.group = 1}});
  language_model<smoe_card, B> standard(s);
  gmoe_test::randomise(own);
  gmoe_test::randomise(standard);
  CHECK(gmoe_test::losses_of(own, text(2, 5, 11), true).total.value().item() ==
        gmoe_test::losses_of(standard, text(2, 5, 11), true).total.value().item());
  sizes twelve = s;
  twelve.experts = 12;
  language_model<own_rexmoe_card, B> group(s, {.experts = {.group = 3}});
  language_model<with<smoe_card, global_pool>, B> global(twelve);
  gmoe_test::randomise(group);
  gmoe_test::randomise(global);
  CHECK(gmoe_test::losses_of(group, text(2, 5, 11), true).total.value().item() ==
        gmoe_test::losses_of(global, text(2, 5, 11), true).total.value().item());
}

TEST_CASE("moe/room: experts of different widths, with a balance loss that knows them") {
  using card = with<smoe_card, growing_widths, width_penalty>;
  const sizes s = gmoe_test::small_sizes();  // widths 9, 11, 13, 15
  language_model<card, B> model(s);
  CHECK(model.moe().bank().units(0) == 9);
  CHECK(model.moe().bank().units(7) == 15);
  CHECK(model.moe().bank().first_unit(12) == 3 * 48);
  gmoe_test::randomise(model, 4);
  CHECK(gmoe_test::differences(model, text(2, 4, s.vocab), true).worst < 1e-7);

  // The same as experts of one width whose last hidden units are cut off.
  sizes wide = s;
  wide.d_ff = 15;
  language_model<with<smoe_card, no_balance>, B> padded(wide);
  gmoe_test::randomise(padded, 4);
  const auto copy = [&](parameter<B>& from, parameter<B>& to) {
    const auto narrow = from.value().to_host();
    std::vector<double> all(static_cast<std::size_t>(to.size()), 0.0);
    for (index_t e = 0; e < 12; ++e)
      for (index_t u = 0; u < model.moe().bank().units(e); ++u)
        for (index_t c = 0; c < 8; ++c)
          all[static_cast<std::size_t>((15 * e + u) * 8 + c)] =
              narrow[static_cast<std::size_t>((model.moe().bank().first_unit(e) + u) * 8 + c)];
    B::upload(to.value().data(), all.data(), all.size() * sizeof(double));
  };
  copy(model.moe().bank().w_in(), padded.moe().bank().w_in());
  copy(model.moe().bank().w_out(), padded.moe().bank().w_out());
  CHECK(gmoe_test::losses_of(model, text(2, 5, 11), true).language.value().item() ==
        doctest::Approx(gmoe_test::losses_of(padded, text(2, 5, 11), true).language.value().item()).epsilon(1e-13));
}
