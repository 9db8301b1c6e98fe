#include "gmoe/io/trace.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/io/safetensors_reader.hpp"
#include "gmoe/model/any_model.hpp"
#include "gmoe/model/cards.hpp"
#include "io/temp_folder.hpp"

using namespace gmoe;
using gmoe_test::message_of;
using B = cpu<double>;

// The numbers themselves are made again, for every card, in tests/trace.

namespace {

constexpr auto two_blocks = [] {
  sizes s;
  s.vocab = 11, s.positions = 5, s.d_model = 4, s.layers = 2, s.heads = 2, s.d_ff = 6, s.experts = 3, s.dropout = 0.5;
  return s;
};

/// Top-1 that counts the steps, and is told of each before it begins.
struct counting_top_1 {
  using slot = slots::select;
  template <class B>
  struct layer {
    buffer<B> steps, told;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape&) const {
    return {make.constant_buffer("steps", 1, 1, 0), make.constant_buffer("told", 1, 1, 0)};
  }
  index_t at_most(const layer_shape&) const { return 1; }
  template <class B>
  id_matrix<B> choose(const place<B>& at, const routing<B>& r) const {
    return top_k{}.choose(at, r);
  }
  void before_step(std::int64_t step, const auto& my) const {
    using of = std::remove_cvref_t<decltype(my.layer.told.value())>;
    my.layer.told.value() = of::filled(1, 1, static_cast<double>(step));
  }
  template <class B>
  void after_step(std::int64_t, const layer_statistics<B>&, const auto& my) const {
    matrix<B>& steps = my.layer.steps.value();
    steps = matrix<B>::filled(1, 1, steps.item() + 1);
  }
};

/// Experts for the first tokens alone.
struct first_rows {
  using slot = slots::form;
  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x) const {
    const auto rows = id_matrix<B>::from_host(std::vector<id_type>{0, 1}, 1, 2);
    const variable<B> some = take_rows(x, rows);
    const routing<B>& r = parts.route(at, some, rows);
    return scatter_rows(parts.experts(at, some, r), rows, x.rows());
  }
};

/// The trace of a model, in `folder`.
safetensors_file trace_of(auto& model, const trace_settings& how, const trace_tokens& text,
                          const gmoe_test::temp_folder& folder) {
  trace_file<double> out;
  tracer(model, text, how, out).run();
  out.write(folder / "t");
  return safetensors_file(folder / "t");
}
/// Of a card by its name.
struct traced {
  std::string card;
  gmoe_test::temp_folder folder{};

  safetensors_file run(const trace_settings& how, const trace_tokens& text) const {
    return trace_of(*make_model<B>(card, two_blocks(), 3), how, text, folder);
  }
};
/// Of a card that has no name.
template <class Card>
struct traced_type {
  gmoe_test::temp_folder folder;

  safetensors_file run(const trace_settings& how, const trace_tokens& text) const {
    language_model<Card, B> model(two_blocks(), 3);
    return trace_of(model, how, text, folder);
  }
};

const trace_tokens scored{2, {1, 2, 3, 10, 0, 5}, {2, 3, -1, 0, 5, -100}};

std::set<std::string> below(const safetensors_file& file, const std::string& prefix) {
  std::set<std::string> names;
  for (const tensor_entry& t : file.tensors())
    if (t.name.starts_with(prefix)) names.insert(t.name.substr(prefix.size()));
  return names;
}

}  // namespace

TEST_CASE("io/trace: every name of a layer, in evaluation and in training") {
  const traced gmoe{"gmoe"};
  const std::set<std::string> evaluated{"attn_out",
                                        "moe_in",
                                        "router_h",
                                        "cut/propagated_logits",
                                        "propagated_features",
                                        "router_logits",
                                        "scores",
                                        "chosen",
                                        "kept",
                                        "weights",
                                        "experts",
                                        "routed_out",
                                        "moe_out",
                                        "always_out",
                                        "block_out",
                                        "balance_loss"};
  const safetensors_file file = gmoe.run({}, scored);
  CHECK(below(file, "layer1/") == evaluated);
  CHECK(below(file, "loss/") == std::set<std::string>{"language", "balance", "total"});
  CHECK(below(file, "gradient/").empty());
  CHECK(below(file, "after/").empty());
  CHECK_FALSE(file.contains("embeddings_mask"));
  CHECK(file.metadata().at("sizes.d_ff") == "6");
  CHECK(file.metadata().at("card.balance.alpha") == "0.01");

  auto drawn = evaluated;
  drawn.insert({"attention_mask", "attn_out_mask"});
  const safetensors_file trained = gmoe.run({.training = true, .gradients = true, .train_steps = 1}, scored);
  CHECK(below(trained, "layer1/") == drawn);
  CHECK(below(trained, "gradient/") == below(trained, "parameter/"));
  CHECK(below(trained, "after/parameter/") == below(trained, "parameter/"));
  CHECK(below(trained, "train/step0/layer1/") == std::set<std::string>{"attention_mask", "attn_out_mask"});
  CHECK(trained.read<double>("train/step0/layer1/attention_mask") == trained.read<double>("layer1/attention_mask"));
  CHECK(trained.entry("layer1/attention_mask").shape == std::vector<index_t>{2, 2, 3, 3});
  CHECK(trained.entry("layer1/chosen").shape == std::vector<index_t>{2, 3, 1});
  CHECK(trained.entry("loss/total").shape.empty());

  const traced dense{"dense"};
  const safetensors_file plain = dense.run({}, scored);
  CHECK(below(plain, "layer0/") == std::set<std::string>{"attn_out", "moe_in", "dense_out", "block_out"});
  CHECK(below(plain, "loss/") == std::set<std::string>{"language", "total"});
}

TEST_CASE("io/trace: buffers before and after, as training steps change them") {
  traced_type<with<gmoe_card, counting_top_1>> t;
  const safetensors_file file = t.run({.step = 7, .train_steps = 3}, scored);
  CHECK(file.read<double>("buffer/h.1.moe.select.steps")[0] == 0);
  CHECK(file.read<double>("after/buffer/h.1.moe.select.steps")[0] == 3);
  CHECK(file.read<double>("buffer/h.1.moe.select.told")[0] == 7);
  CHECK(file.read<double>("after/buffer/h.1.moe.select.told")[0] == 9);
}

TEST_CASE("io/trace: the draws are those of a training run at that step") {
  const traced t{"gmoe"};
  const auto mask = [&](const trace_settings& how) { return t.run(how, scored).read<double>("embeddings_mask"); };
  const auto at_5 = mask({.training = true, .step = 5, .seed = 9});
  CHECK(at_5 == mask({.training = true, .step = 5, .seed = 9}));
  CHECK(at_5 != mask({.training = true, .step = 6, .seed = 9}));
  CHECK(at_5 != mask({.training = true, .step = 5, .seed = 8}));
  const safetensors_file later = t.run({.training = true, .step = 4, .seed = 9, .train_steps = 2}, scored);
  CHECK(later.read<double>("train/step1/embeddings_mask") == at_5);
}

TEST_CASE("io/trace: sequences of one token have no need of targets") {
  const traced t{"switch"};
  const safetensors_file file = t.run({}, {3, {1, 2, 3}, {}});
  CHECK(file.entry("layer0/moe_in").shape == std::vector<index_t>{3, 1, 4});
  CHECK(below(file, "loss/") == std::set<std::string>{"balance", "total"});
}

TEST_CASE("io/trace: gradients need something to be wrong about") {
  const traced t{"gmoe"};
  const std::string expected =
      "trace: gradients and training steps need a tensor 'targets' beside 'tokens', with at least one position that is "
      "scored";
  CHECK(message_of<data_error>([&] { t.run({.gradients = true}, {2, {1, 2}, {}}); }) == expected);
  CHECK(message_of<data_error>([&] { t.run({.train_steps = 1}, {2, {1, 2}, {-1, -1}}); }) == expected);
}

TEST_CASE("io/trace: mixtures in a form, each under its name") {
  struct two_mixtures {
    in_series<gmoe_card, switch_card> form{};
    every_block placement{};
    gpt2_feed_forward dense{};
  };
  traced_type<two_mixtures> both;
  const safetensors_file file = both.run({.training = true, .gradients = true, .train_steps = 1}, scored);
  CHECK(file.metadata().at("card.form.second.capacity.factor") == "1.25");
  CHECK(below(file, "layer1/first/") == std::set<std::string>{"always_out", "balance_loss", "chosen", "experts", "kept",
                                                              "moe_out", "propagated_features", "routed_out",
                                                              "router_h", "router_logits", "scores", "weights"});
  CHECK(below(file, "layer1/second/") == std::set<std::string>{"balance_loss", "chosen", "experts", "kept", "moe_out",
                                                               "routed_out", "router_logits", "scores", "weights"});
  CHECK(below(file, "layer1/cut/") == std::set<std::string>{"first/propagated_logits"});
  CHECK(file.contains("gradient/form.second.router.1.gate"));
  double balance = 0;
  for (const char* name : {"layer0/first/", "layer0/second/", "layer1/first/", "layer1/second/"})
    balance += file.read<double>(std::string(name) + "balance_loss")[0] / 2;
  CHECK(file.read<double>("loss/balance")[0] == doctest::Approx(balance).epsilon(1e-12));
}

TEST_CASE("io/trace: a layer's balance loss knows where sequences end") {
  const traced t{"sigmoid-shared"};
  const safetensors_file file = t.run({.training = true}, scored);
  double balance = 0;
  for (const char* layer : {"layer0/", "layer1/"})
    balance += file.read<double>(std::string(layer) + "balance_loss")[0] / 2;
  CHECK(file.read<double>("loss/balance")[0] == doctest::Approx(balance).epsilon(1e-12).scale(0));
}

TEST_CASE("io/trace: what a form routes after its first routing, each under its number") {
  const traced t{"raytraced"};
  const safetensors_file file = t.run({.training = true, .gradients = true}, scored);
  const std::set<std::string> of_a_routing{"chosen",        "experts", "kept",    "routed_out",
                                           "router_logits", "scores",  "weights", "selection_draw"};
  CHECK(below(file, "layer1/round1/") == of_a_routing);
  CHECK(below(file, "layer1/round2/") == of_a_routing);
  CHECK(below(file, "layer1/round3/").empty());
  const auto logits = file.entry("layer0/router_logits").shape, scores = file.entry("layer0/scores").shape;
  CHECK(logits.back() == scores.back() + 1);  // the exit
  std::vector<double> sum(file.read<double>("layer0/moe_out").size());
  for (const char* part : {"layer0/routed_out", "layer0/round1/routed_out", "layer0/round2/routed_out"}) {
    const auto values = file.read<double>(part);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += values[i];
  }
  const auto y = file.read<double>("layer0/moe_out");
  for (std::size_t i = 0; i < sum.size(); ++i) CHECK(y[i] == doctest::Approx(sum[i]).epsilon(1e-12));
}

TEST_CASE("io/trace: a layer that routes some of the tokens says which, and has rows for them alone") {
  traced_type<with<switch_card, first_rows, no_capacity, every_block>> t;
  const safetensors_file file = t.run({.training = true}, {2, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {}});
  CHECK(file.read<std::int64_t>("layer1/rows") == std::vector<std::int64_t>{0, 1});
  CHECK(file.entry("layer1/scores").shape == std::vector<index_t>{2, 3});
  for (const char* of_pairs : {"layer1/chosen", "layer1/kept", "layer1/weights"})
    CHECK(file.entry(of_pairs).shape == std::vector<index_t>{2, 1});
  CHECK(file.entry("layer1/routed_out").shape == std::vector<index_t>{2, 4});
  CHECK(file.entry("layer1/moe_out").shape == std::vector<index_t>{2, 5, 4});
  const auto routed = file.read<double>("layer1/routed_out"), y = file.read<double>("layer1/moe_out");
  CHECK(std::vector<double>(y.begin(), y.begin() + 8) == routed);
}

TEST_CASE("io/trace: what is drawn for a sequence, or once for all, has rows of its own") {
  const traced sequences{"task-moe"};
  const safetensors_file one = sequences.run({.training = true, .train_steps = 1}, scored);
  CHECK(one.entry("layer1/gumbel_draws").shape == std::vector<index_t>{2, 3});
  CHECK(one.read<double>("train/step0/layer1/gumbel_draws") == one.read<double>("layer1/gumbel_draws"));
  const traced layers{"rexmoe"};
  CHECK(layers.run({.training = true, .step = 200}, scored).entry("layer1/candidates_draw").shape ==
        std::vector<index_t>{1, 6});
  CHECK_FALSE(layers.run({.training = true, .step = 100}, scored).contains("layer1/candidates_draw"));
}

TEST_CASE("io/trace: a layer that routes parts of tokens has those of a token side by side") {
  const traced heads{"mh-moe"};
  const safetensors_file file = heads.run({.training = true}, scored);
  for (const char* of_pairs : {"layer1/chosen", "layer1/kept", "layer1/weights"})
    CHECK(file.entry(of_pairs).shape == std::vector<index_t>{2, 3, 4});  // two parts with two choices
  for (const char* of_experts : {"layer1/scores", "layer1/router_logits"})
    CHECK(file.entry(of_experts).shape == std::vector<index_t>{2, 3, 6});
  const std::vector<double> scores = file.read<double>("layer1/scores");
  for (std::size_t part = 0; part < 12; ++part)
    CHECK(scores[3 * part] + scores[3 * part + 1] + scores[3 * part + 2] == doctest::Approx(1));
  CHECK(file.entry("layer1/routed_out").shape == file.entry("layer1/moe_out").shape);
}
