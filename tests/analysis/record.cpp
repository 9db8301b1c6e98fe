#include "gmoe/analysis/record.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <string>

#include "gmoe/analysis/path_clusters.hpp"
#include "gmoe/analysis/summary.hpp"
#include "gmoe/backend/cpu.hpp"
#include "gmoe/model/any_model.hpp"
#include "gmoe/model/cards.hpp"

using gmoe::id_type;
using gmoe::index_t;
using processor = gmoe::cpu<float>;

namespace {

const gmoe::sizes tiny{.vocab = 16, .positions = 8, .d_model = 8, .layers = 4, .heads = 2, .d_ff = 8, .experts = 3};

// 29 tokens: windows of 4, the last of them partial, in batches of 3.
std::vector<std::uint8_t> text() {
  std::vector<std::uint8_t> t(29);
  for (std::size_t i = 0; i < t.size(); ++i) t[i] = static_cast<std::uint8_t>(i * i % 13);
  return t;
}

std::vector<id_type> copy(std::span<const id_type> ids) { return {ids.begin(), ids.end()}; }

}  // namespace

TEST_CASE("analysis/record: a shared pool has the same ids in all layers, private pools have their own") {
  const auto t = text();
  const auto made_shared = gmoe::make_model<processor>("gmoe", tiny);
  gmoe::any_model<processor>& shared = *made_shared;
  const auto one = gmoe::record_routing(shared, std::span<const std::uint8_t>(t), {.sequence = 4, .batch = 3});
  REQUIRE(one.decisions.layers() == 4);
  for (index_t l = 0; l < 4; ++l) {
    CHECK(one.decisions.block(l) == l);
    CHECK(copy(one.decisions.global_ids(l)) == std::vector<id_type>{0, 1, 2});
  }
  CHECK(gmoe::summarize(one.decisions).agreement.has_value());
  REQUIRE(one.pools.size() == 4);
  CHECK(one.pools[3]->ids == std::vector<id_type>{0, 1, 2});
  CHECK(one.pools[3]->widths == std::vector<index_t>{8, 8, 8});

  const auto made_own = gmoe::make_model<processor>("switch", tiny);
  gmoe::any_model<processor>& own = *made_own;
  const auto two = gmoe::record_routing(own, std::span<const std::uint8_t>(t), {.sequence = 4, .batch = 3});
  REQUIRE(two.decisions.layers() == 2);
  CHECK(two.decisions.block(1) == 2);
  CHECK(copy(two.decisions.global_ids(0)) == std::vector<id_type>{0, 1, 2});
  CHECK(copy(two.decisions.global_ids(1)) == std::vector<id_type>{3, 4, 5});
  CHECK_FALSE(gmoe::summarize(two.decisions).agreement.has_value());
}

TEST_CASE("analysis/record: every target's token once, padding left out, decisions those of the model") {
  const auto t = text();
  const auto made_model = gmoe::make_model<processor>("gmoe", tiny);
  gmoe::any_model<processor>& model = *made_model;
  const auto record = gmoe::record_routing(model, std::span<const std::uint8_t>(t), {.sequence = 4, .batch = 3});
  CHECK(record.tokens == std::vector<id_type>(t.begin(), t.end() - 1));
  CHECK(record.decisions.tokens() == 28);
  CHECK(record.decisions.sequence_length() == 4);
  CHECK(record.hidden.empty());

  // The same tokens, one sequence at a time.
  for (index_t w = 0; w < 7; ++w) {
    gmoe::batch<processor> data;
    data.assign(std::span(record.tokens).subspan(static_cast<std::size_t>(4 * w), 4), {}, 1, tiny.vocab);
    auto pass = model.begin(model.reading({}, data));
    model.hidden(pass);
    for (index_t l = 0; l < 4; ++l) {
      const auto& r = pass.found().routings[static_cast<std::size_t>(l)];
      CHECK(copy(record.decisions.ids(l).subspan(static_cast<std::size_t>(4 * w), 4)) == r.chosen.to_host());
      CHECK(copy(record.decisions.top1(l).subspan(static_cast<std::size_t>(4 * w), 4)) == r.chosen.to_host());
      const auto p = r.scores.value().to_host();
      for (std::size_t i = 0; i < p.size(); ++i)
        CHECK(record.decisions.probabilities(l)[static_cast<std::size_t>(12 * w) + i] ==
              doctest::Approx(p[i]).epsilon(1e-4));
    }
  }
}

TEST_CASE("analysis/record: a limit, hidden states, and the cluster metrics that they feed") {
  const auto t = text();
  const auto made_model = gmoe::make_model<processor>("switch", tiny);
  gmoe::any_model<processor>& model = *made_model;
  const gmoe::record_options how{.sequence = 4, .batch = 3, .most_tokens = 15, .keep_hidden = true};
  const auto record = gmoe::record_routing(model, std::span<const std::uint8_t>(t), how);
  CHECK(record.decisions.tokens() == 15);
  CHECK(record.tokens.size() == 15);
  REQUIRE(record.columns == 8);
  REQUIRE(record.hidden.size() == 15 * 8);

  gmoe::batch<processor> data;
  data.assign(std::span(record.tokens).subspan(8, 4), {}, 1, tiny.vocab);
  const auto hidden = model.hidden(model.reading({}, data)).value().to_host();
  for (std::size_t i = 0; i < hidden.size(); ++i)
    CHECK(record.hidden[8 * 8 + i] == doctest::Approx(hidden[i]).epsilon(1e-4));

  const auto paths = gmoe::count_paths(record.decisions);
  const auto clusters = gmoe::measure_path_clusters(paths, std::span<const float>(record.hidden), record.columns,
                                                    gmoe::random_stream(1), std::span<const id_type>(record.tokens),
                                                    {.paths = 2, .per_path = 3, .neighbours = 1});
  CHECK(clusters.points >= 2);
}

TEST_CASE("analysis/record: what a capacity drops is counted") {
  // floor(0.5 * 4) = 2 pairs per expert of the 12 tokens below
  gmoe::any_card card = gmoe::make_card("switch");
  gmoe::change_setting(card, "capacity.factor", "0.5");
  const auto made_model = gmoe::make_model<processor>(card, tiny);
  const gmoe::any_model<processor>& model = *made_model;
  const auto t = text();
  const std::vector<id_type> ids(t.begin(), t.begin() + 12);
  gmoe::batch<processor> data;
  data.assign(ids, {}, 3, tiny.vocab);
  gmoe::context<processor> ctx;
  ctx.training = true;
  auto pass = model.begin(model.reading(ctx, data));
  model.hidden(pass);
  gmoe::routing_decisions d(4);
  gmoe::append_routing(d, model, pass.found(), 12);
  for (index_t l = 0; l < d.layers(); ++l) {
    CHECK(d.dropped(l) >= 6);  // at most 3 experts x 2 pairs stay
    CHECK(std::count(d.ids(l).begin(), d.ids(l).end(), gmoe::no_choice) == d.dropped(l));
  }
  // Of the first five tokens only, though the batch holds twelve.
  gmoe::routing_decisions part(4);
  gmoe::append_routing(part, model, pass.found(), 5);
  CHECK(part.tokens() == 5);
  CHECK(part.dropped(0) == std::count(d.ids(0).begin(), d.ids(0).begin() + 5, gmoe::no_choice));
}

TEST_CASE("analysis/record: the decision of a layer that routes several times is its first routing") {
  const auto made_model = gmoe::make_model<processor>("raytraced", tiny);
  const gmoe::any_model<processor>& model = *made_model;
  gmoe::batch<processor> data;
  data.assign(std::vector<id_type>{1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4}, {}, 3, tiny.vocab);
  auto pass = model.begin(model.reading({}, data));
  model.hidden(pass);
  REQUIRE(pass.found().routings.size() == 3 * static_cast<std::size_t>(model.moe().layers()));
  gmoe::routing_decisions d(4);
  gmoe::append_routing(d, model, pass.found(), 12);
  REQUIRE(d.layers() == model.moe().layers());
  for (index_t l = 0; l < d.layers(); ++l) {
    const auto first = pass.found().routings[static_cast<std::size_t>(3 * l)].kept.to_host();
    CHECK(std::equal(first.begin(), first.end(), d.ids(l).begin(), d.ids(l).end()));
  }
}

TEST_CASE("analysis/record: where a form holds mixtures, the layer's decision is that of the first") {
  struct two_mixtures {
    gmoe::in_series<gmoe::smoe_card, gmoe::switch_card> form{};
    gmoe::every_block placement{};
    gmoe::gpt2_feed_forward dense{};
  };
  const auto t = text();
  gmoe::language_model<two_mixtures, processor> model(tiny);
  const auto record = gmoe::record_routing(model, std::span<const std::uint8_t>(t), {.sequence = 4, .batch = 3});
  REQUIRE(record.decisions.layers() == 4);
  for (index_t l = 0; l < 4; ++l) {
    CHECK(record.decisions.experts(l) == 3);
    CHECK(record.decisions.slots(l) == 2);  // smoe's top-2, not switch's top-1
  }
  CHECK(gmoe::summarize(record.decisions).paths.distinct > 0);

  gmoe::findings<processor> pass;
  const auto add = [&](std::string_view mixture, index_t number) {
    auto& r = pass.routings.emplace_back();
    r.mixture = mixture;
    r.number = number;
  };
  add("first", 1);
  CHECK(gmoe::decision_of_layer(pass, 0) == nullptr);
  add("first", 0);
  add("second", 0);
  CHECK(gmoe::decision_of_layer(pass, 0) == &pass.routings[1]);
  add("", 0);  // the layer's own
  CHECK(gmoe::decision_of_layer(pass, 0) == &pass.routings[3]);
  CHECK(gmoe::decision_of_layer(pass, 1) == nullptr);
}

TEST_CASE("analysis/record: dense models have nothing to record; mistakes are named") {
  const auto t = text();
  const auto made_dense = gmoe::make_model<processor>("dense", tiny);
  gmoe::any_model<processor>& dense = *made_dense;
  const auto record =
      gmoe::record_routing(dense, std::span<const std::uint8_t>(t), {.sequence = 4, .batch = 3, .keep_hidden = true});
  CHECK(record.decisions.layers() == 0);
  CHECK(record.tokens.size() == 28);
  CHECK(record.hidden.size() == 28 * 8);

  const auto made_model = gmoe::make_model<processor>("gmoe", tiny);
  gmoe::any_model<processor>& model = *made_model;
  gmoe::routing_decisions d =
      gmoe::record_routing(model, std::span<const std::uint8_t>(t), {.sequence = 4, .batch = 3}).decisions;
  const auto found = [&](const auto& m) {
    gmoe::batch<processor> data;
    data.assign(std::vector<id_type>(12, 1), {}, 3, tiny.vocab);
    auto pass = m.begin(m.reading({}, data));
    m.hidden(pass);
    return std::move(pass).found();
  };
  CHECK_THROWS_WITH_AS(gmoe::append_routing(d, model, found(model), 99),
                       "append_routing: 99 tokens of a batch of 12 were asked for", gmoe::config_error);
  const auto made_other = gmoe::make_model<processor>("switch", tiny);
  gmoe::any_model<processor>& other = *made_other;
  CHECK_THROWS_WITH_AS(gmoe::append_routing(d, other, found(other), 4),
                       "append_routing: the model has 2 mixtures, but the decisions hold 4 layers", gmoe::config_error);
  gmoe::findings<processor> none = found(model);
  none.routings[1].number = 1;
  CHECK_THROWS_WITH_AS(gmoe::append_routing(d, model, none, 4), "append_routing: mixture number 1 has not routed",
                       gmoe::config_error);
  gmoe::findings<processor> some = found(model);
  some.routings[0].rows = gmoe::id_matrix<processor>(1, 12);
  CHECK_THROWS_WITH_AS(gmoe::append_routing(d, model, some, 4),
                       "append_routing: block 0 routes some of its tokens, but decisions are of all",
                       gmoe::config_error);
  CHECK_THROWS_AS(
      gmoe::record_routing(model, std::span<const std::uint8_t>(t), {.sequence = 4, .batch = 3, .most_tokens = -1}),
      gmoe::config_error);
}
