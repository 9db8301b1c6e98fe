// Cards that have equations of their own in tests/cards: every number of a trace made again from the file alone, by
// loops over tokens and experts that share no code with the library.

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cards/adamoe.hpp"
#include "cards/adapters.hpp"
#include "cards/aoe.hpp"
#include "cards/capacity_aware.hpp"
#include "cards/cartesian.hpp"
#include "cards/chain_of_experts.hpp"
#include "cards/comet.hpp"
#include "cards/compressed_experts.hpp"
#include "cards/da_moe.hpp"
#include "cards/deep_moe.hpp"
#include "cards/depth_routers.hpp"
#include "cards/dselect_k.hpp"
#include "cards/dynmoe.hpp"
#include "cards/expert_choice.hpp"
#include "cards/gmoe_film.hpp"
#include "cards/grove.hpp"
#include "cards/heads_but_one.hpp"
#include "cards/hmoe.hpp"
#include "cards/hyper_moe.hpp"
#include "cards/ida_moe.hpp"
#include "cards/keyed.hpp"
#include "cards/llama_smoe.hpp"
#include "cards/loss_free.hpp"
#include "cards/maskmoe.hpp"
#include "cards/moa.hpp"
#include "cards/moe_plus_plus.hpp"
#include "cards/moec.hpp"
#include "cards/mohge.hpp"
#include "cards/molae.hpp"
#include "cards/mor1e.hpp"
#include "cards/more.hpp"
#include "cards/moue.hpp"
#include "cards/mowe.hpp"
#include "cards/mu_moe.hpp"
#include "cards/multi_head.hpp"
#include "cards/nested.hpp"
#include "cards/noisy_top_k.hpp"
#include "cards/peer.hpp"
#include "cards/raytraced.hpp"
#include "cards/remoe.hpp"
#include "cards/rexmoe.hpp"
#include "cards/sigma_tiny.hpp"
#include "cards/smear.hpp"
#include "cards/smile.hpp"
#include "cards/smoe.hpp"
#include "cards/soft_moe.hpp"
#include "cards/stable_moe.hpp"
#include "cards/stratified.hpp"
#include "cards/subspace.hpp"
#include "cards/thor.hpp"
#include "cards/top_p.hpp"
#include "cards/uoe.hpp"
#include "cards/usmoe.hpp"
#include "cards/vq_moe.hpp"
#include "cards/xmoe_threshold.hpp"
#include "gmoe/model/registry.hpp"
#include "trace/trace_files.hpp"

using namespace gmoe_test;

namespace {

/// A trace, for whoever makes a reference.
struct traced_pass {
  const gmoe::safetensors_file& file;
  bool training;

  /// Buffers of layers whose names end so, layer by layer, or the one of the model.
  std::vector<std::vector<double>> buffers(const std::string& ending) const {
    std::map<std::string, std::vector<double>> all;
    for (const gmoe::tensor_entry& t : file.tensors())
      if (t.name.starts_with("buffer/") && t.name.ends_with(ending)) all[t.name] = file.read<double>(t.name);
    REQUIRE(!all.empty());
    std::vector<std::vector<double>> in_order;
    for (auto& [name, numbers] : all) in_order.push_back(std::move(numbers));
    return in_order;
  }
  /// The experts in the model's one table of token ids.
  std::vector<int> table(const std::string& ending) const {
    const std::vector<std::vector<double>> all = buffers(ending);
    return {all.at(0).begin(), all.at(0).end()};
  }
};

/// How a card is traced, and its reference.
struct traced_card {
  std::string options{};    ///< that differ from those of all cards, or numbers of the card
  bool has_experts = true;  ///< else `--experts` has no effect, and is refused
  std::int64_t step = 3;
  std::string frozen{};  ///< parameters whose names end so are not trained
  std::function<std::unique_ptr<naive::mixture>(const traced_pass&)> equations{};
};

/// By name, some of them twice.
struct traced_cards {
  std::multimap<std::string, traced_card> all;

  template <class Make>
  void add(const std::string& card, const Make& make, traced_card how = {}) {
    using reference = decltype(make(std::declval<const traced_pass&>()));
    how.equations = [make](const traced_pass& t) { return std::make_unique<reference>(make(t)); };
    all.emplace(card, how);
  }
  /// A reference that needs nothing but its own numbers.
  template <class Reference>
  void add_same(const std::string& card, const Reference& equations, const traced_card& how = {}) {
    add(
        card, [equations](const traced_pass&) { return equations; }, how);
  }
};

/// The name that these cards' running numbers end with.
std::string card_buffer(const expert_choice_equations&) { return ".threshold"; }
std::string card_buffer(const sinkhorn_equations&) { return ".potential"; }

/// Those of cards that differ in where the logits come from.
void add_routers(traced_cards& t) {
  for (const gmoe::card_text& text : gmoe::depth_cards::texts) {
    const std::string card(text.name);
    t.add_same(card, equations_of_depth(card), {.frozen = card == "random-router" ? ".gate" : ""});
  }
  t.add_same("noisy-top-k", noisy_equations{});
  t.add_same("laplace", laplace_equations{});
  laplace_equations two_levels;
  two_levels.groups = 2;
  t.add_same("laplace-hierarchical", two_levels);
  cosine_equations cosine;
  cosine.k = 1;
  t.add_same("cosine-router", cosine);
  nexus_equations nexus;
  nexus.shared = true;
  t.add_same("nexus", nexus);
  pro_moe_equations prototypes;
  prototypes.shared = true;
  t.add_same("pro-moe", prototypes);
  t.add("mixer", [](const traced_pass& p) {
    mixer_equations e;
    e.k = 1;
    e.alpha = 0;
    e.centroids = p.buffers(".centroids");
    return e;
  });
  t.add_same("dselect-k", dselect_equations{});
  t.add_same("ida-moe", ida_equations{});
  t.add_same("comet", comet_equations{});
  comet_equations in_order;
  in_order.softness = 2;
  in_order.rounds = 3;
  in_order.temperature = 0.9 * std::sqrt(0.4 / 0.9);  // half way
  t.add_same("comet-plus", in_order,
             {.options = "--set router.of.softness=2 --set router.warm=0.9 --set router.cold=0.4 --set router.rounds=3 "
                         "--set router.steps=8"});
  t.add("mowe",
        [](const traced_pass& p) {
          word_equations e;
          e.bucket = p.table(".bucket");
          return e;
        },
        {.options = "--vocab 123"});
  t.add_same("task-moe", task_equations{});
}

/// In what the layers see of which pool.
void add_pools(traced_cards& t) {
  t.add_same("hmoe", hmoe_equations({7, 10, 14, 17}));
  t.add_same("hmoe-top-p", hmoe_top_p_equations({7, 10, 14, 17}));
  t.add_same("mohge", mohge_equations({7, 7, 10, 10, 14, 14, 17, 17}, 4, 2), {.options = "--experts 8"});
  t.add(
      "rexmoe",
      [](const traced_pass& p) {
        return rexmoe_equations(2, p.training ? std::vector<std::size_t>{5, 5, 4} : std::vector<std::size_t>{8, 8, 4});
      },
      {.options = "--set experts.block=2 --set candidates.start=3 --set candidates.end=10", .step = 5});
  t.add_same("moue", moue_equations(8, 4, 2, 1));
  t.add_same("more", more_equations{});
  t.add_same("uoe", uoe_equations({3, 3, 3, 3}));
  uoe_equations prefix({3, 3, 3, 3});
  prefix.by_prefix = true;
  prefix.share = 1;
  t.add_same("uoe-prefix", prefix);
  t.add("nested", [](const traced_pass& p) {
    nested_equations e;
    e.training = p.training;
    e.threshold = p.buffers(".threshold");
    return e;
  });
  t.add_same("adamoe", adamoe_equations{});
  t.add_same("moe-plus-plus", plus_plus_equations{});
}

/// In how scores become pairs.
void add_choices(traced_cards& t) {
  t.add_same("top-p", top_p_equations{});
  t.add_same("xmoe-threshold", xmoe_equations{});
  t.add_same("stable-moe", stable_equations{});
  t.add("stable-moe",
        [](const traced_pass& p) {
          stable_equations e;
          e.table = p.table(".table");
          return e;
        },
        {.step = 60});
  const auto by_experts = [&]<class Reference>(const std::string& card, const Reference& equations) {
    t.add(card, [equations](const traced_pass& p) {
      Reference e = equations;
      e.training = p.training;
      e.means = p.buffers(card_buffer(e));
      return e;
    });
  };
  by_experts("expert-choice", expert_choice_equations{});
  by_experts("expert-choice-bounded", bounded_equations{});
  by_experts("sinkhorn-expert-choice", sinkhorn_expert_choice_equations{});
  by_experts("sparse-transport", sparse_equations{});
  by_experts("sinkhorn", sinkhorn_equations{});
  varying_k_equations early;
  early.k = {3, 2, 1};
  t.add_same("sigma-tiny", early, {.options = "--set select.first=3,2 --set select.until=10"});
  t.add("gw-moe",
        [](const traced_pass& p) {
          varying_k_equations e;
          if (p.training) e.limit = 0.7 * std::log(4.0);
          return e;
        },
        {.options = "--set select.uncertainty=0.7"});
  t.add_same("smile", smile_equations{});
  t.add("maskmoe", [](const traced_pass& p) {
    maskmoe_equations e;
    for (const std::vector<double>& layer : p.buffers(".visible")) {
      e.visible.emplace_back(layer.size() / 4);
      for (std::size_t i = 0; i < layer.size(); ++i)
        if (layer[i] != 0) e.visible.back()[i / 4].push_back(static_cast<int>(i % 4));
    }
    return e;
  });
  t.add("dynmoe", [](const traced_pass& p) {
    dynmoe_equations e;
    for (std::size_t i = 0; i < 4; ++i) e.live[i] = p.buffers(".live").at(0)[i] != 0;
    return e;
  });
  capacity_equations crowded;
  crowded.factor = 0.6;
  crowded.order = "random";
  t.add_same("capacity-aware", crowded, {.options = "--set capacity.factor=0.6 --set capacity.order=random"});
  t.add("usmoe", [](const traced_pass& p) {
    usmoe_equations e;
    e.training = p.training;
    e.column_sum = p.buffers(".column_sum");
    e.threshold = p.buffers(".threshold");
    return e;
  });
  t.add_same("moec", moec_equations{});
  t.add_same("thor", thor_equations{});
  t.add_same("da-moe", da_moe_equations{});
  t.add_same("sigmoid-shared", sigmoid_equations{});
  t.add("loss-free", [](const traced_pass& p) {
    sigmoid_equations e;
    e.bias = p.buffers(".bias");
    return e;
  });
  t.add("remoe",
        [](const traced_pass& p) {
          remoe_equations e;
          e.lambda = p.buffers("balance.weight").at(0).at(0);
          return e;
        },
        {.options = "--set balance.start=0.3"});
}

/// In what experts are, and in how a layer is put together.
void add_forms(traced_cards& t) {
  t.add_same("smoe", smoe_equations{});
  t.add_same("llama-smoe", swiglu_equations{});
  t.add_same("moa", moa_equations{}, {.has_experts = false});
  t.add_same("h-1-heads", heads_but_one_equations{}, {.options = "--set attention.hidden=6", .has_experts = false});
  t.add_same("aoe", aoe_equations{});
  t.add_same("molae", molae_equations{});
  t.add_same("grove", grove_equations{});
  t.add_same("compressed-experts", compressed_equations{});
  t.add_same("subspace", subspace_equations{});
  t.add_same("peer", peer_equations{});
  t.add_same("mov", mov_equations{}, {.frozen = ".base"});
  t.add_same("molora", molora_equations{}, {.frozen = ".base"});
  t.add("mor1e",
        [](const traced_pass& p) {
          mor1e_equations e;
          e.centroids = p.buffers(".centroids");
          return e;
        },
        {.frozen = ".base"});
  t.add_same("perft", perft_equations{}, {.options = "--set body.from=-1"});
  mu_equations multilinear;
  multilinear.rank = 3;
  t.add_same("mu-moe", multilinear, {.options = "--set body.rank=3"});
  t.add_same("deep-moe", deep_equations{});
  t.add_same("gmoe-film", film_equations{});
  hyper_equations hyper;
  hyper.importance = hyper.load = 0.01;
  t.add_same("hyper-moe", hyper,
             {.options = "--set always.hidden=6 --set always.adapter=3 --set always.expert_embedding=5 --set "
                         "always.layer_embedding=2"});
  t.add_same("raytraced", raytraced_equations{});
  t.add_same("chain-of-experts", chain_equations{});
  t.add_same("soft-moe", soft_equations{});
  t.add_same("stratified", stratified_equations{});
  smear_equations segments;
  segments.segment = 2;
  t.add_same("smear", segments, {.options = "--set form.segment=2"});
  t.add_same("cartesian", cartesian_equations{});
  t.add_same("vq-moe", vq_moe_equations{});
  t.add_same("mh-moe", multi_head_equations{});
  t.add_same("mh-moe-v2", multi_head_equations_at_parity());
}

traced_cards every_reference() {
  traced_cards t;
  add_routers(t);
  add_pools(t);
  add_choices(t);
  add_forms(t);
  return t;
}

/// The names that a layer's mixtures have in a file, in order: of its one routing, of each of its rounds, or of the
/// mixtures within its form; none where nobody chooses.
std::vector<std::string> routings_of(const gmoe::safetensors_file& file, const std::string& layer) {
  if (file.contains(layer + "first/chosen")) return {layer + "first/", layer + "second/"};
  if (!file.contains(layer + "chosen")) return {};
  std::vector<std::string> all{layer};
  while (file.contains(layer + "round" + std::to_string(all.size()) + "/chosen"))
    all.push_back(layer + "round" + std::to_string(all.size()) + "/");
  return all;
}

/// Rows of choices without the empty slots.
std::vector<std::vector<int>> without_empty(std::vector<std::vector<int>> rows) {
  for (std::vector<int>& row : rows) std::erase(row, -1);
  return rows;
}

std::vector<std::vector<int>> rows_of_choices(const gmoe::safetensors_file& file, const std::string& key,
                                              std::size_t tokens) {
  const std::vector<int> ids = small_ids(file, key);
  const std::size_t slots = ids.size() / tokens;
  std::vector<std::vector<int>> rows;
  for (std::size_t t = 0; t < tokens; ++t)
    rows.emplace_back(ids.begin() + static_cast<std::ptrdiff_t>(t * slots),
                      ids.begin() + static_cast<std::ptrdiff_t>((t + 1) * slots));
  return rows;
}

constexpr double as_exact_as_that = 1e-10;

/// All that a file says of one routing.
void compare_routing(const gmoe::safetensors_file& file, const std::string& at, const naive::layer_record& record) {
  CAPTURE(at);
  const auto same = [&](const std::string& what, const naive::mat& theirs) {
    CAPTURE(what);
    REQUIRE(!theirs.empty());
    CHECK(distance(file.read<double>(at + what), values(theirs)) < as_exact_as_that);
  };
  if (record.chosen.empty()) {  // a round that no token has come to
    for (const char* const nothing : {"router_logits", "scores", "weights"})
      CHECK(file.read<double>(at + nothing).empty());
    CHECK(small_ids(file, at + "rows").empty());
    return;
  }
  same("router_logits", record.logits);
  same("scores", record.scores);
  CHECK((file.contains(at + "rows") ? small_ids(file, at + "rows") : std::vector<int>{}) == record.rows);
  const std::size_t tokens = record.chosen.size();
  const auto chosen = rows_of_choices(file, at + "chosen", tokens);
  CHECK(without_empty(chosen) == without_empty(record.chosen));
  CHECK(without_empty(rows_of_choices(file, at + "kept", tokens)) == without_empty(record.kept));
  REQUIRE(!record.weights.empty());
  const std::vector<double> weights = file.read<double>(at + "weights");
  const auto weighed = record.weighs_kept ? rows_of_choices(file, at + "kept", tokens) : chosen;
  std::vector<double> of_those;
  std::size_t slot = 0;
  for (const std::vector<int>& token : weighed)
    for (const int e : token) {
      if (e >= 0) of_those.push_back(weights.at(slot));
      ++slot;
    }
  CHECK(distance(of_those, values(record.weights)) < as_exact_as_that);
}

/// Where one mixture's parts are shown, they sum to what it gives, if its form does not merge or weigh them.
void compare_parts(const gmoe::safetensors_file& file, const std::string& at) {
  for (const char* const form : {"merge.weight", "paths"})
    if (file.contains("parameter/h.0.moe.form." + std::string(form))) return;
  std::vector<double> sum = file.read<double>(at + "routed_out");
  if (file.contains(at + "always_out")) {
    const std::vector<double> always = file.read<double>(at + "always_out");
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += always[i];
  }
  CHECK(distance(file.read<double>(at + "moe_out"), sum) < as_exact_as_that);
}

void compare_pass(const gmoe::safetensors_file& file, const naive::weights& weights, const naive::result& expected) {
  const auto same = [&](const std::string& key, const std::vector<double>& theirs) {
    CAPTURE(key);
    CHECK(distance(file.read<double>(key), theirs) < as_exact_as_that);
  };
  const auto close = [&](const std::string& key, double theirs) {
    CAPTURE(key);
    CHECK(std::abs(file.read<double>(key).at(0) - theirs) <= as_exact_as_that * std::abs(theirs));
  };
  std::size_t routing = 0;
  double of_layers = 0, layers = 0;
  for (std::size_t b = 0; b < expected.blocks.size(); ++b) {
    const std::string at = "layer" + std::to_string(b) + "/";
    const naive::block_record& block = expected.blocks[b];
    const bool mixed = !file.contains(at + "dense_out");
    same(at + "attn_out", values(block.attn_out));
    CHECK(file.contains(at + "attn_logits") == !block.attn_logits.empty());
    if (!block.attn_logits.empty()) same(at + "attn_logits", values(block.attn_logits));
    same(at + "moe_in", values(block.in));
    same(at + (mixed ? "moe_out" : "dense_out"), values(block.out));
    same(at + "block_out", values(block.after));
    if (!mixed) continue;
    const std::vector<std::string> names = routings_of(file, at);
    if (names.size() == 1) compare_parts(file, at);
    if (names.empty()) same(at + "router_logits", values(block.logits));
    for (const std::string& name : names) {
      REQUIRE(routing < expected.layers.size());
      const naive::layer_record& record = expected.layers[routing++];
      const bool has_loss = file.contains(name + "balance_loss");
      if (has_loss) of_layers += file.read<double>(name + "balance_loss").at(0);
      layers += has_loss || record.chosen.empty();  // a round that no token has come to counts as 0
      compare_routing(file, name, record);
    }
  }
  CHECK(routing == expected.layers.size());
  same("ln_f", values(expected.hidden));
  naive::mat logits;
  for (const naive::vec& row : expected.hidden)
    logits.push_back(naive::rows_times(weights.at(weights.contains("lm_head") ? "lm_head" : "wte"), row));
  same("logits", values(logits));
  close("loss/language", expected.language.value());
  close("loss/total", expected.total.value());
  CHECK(file.contains("loss/balance") == !expected.losses.empty());
  if (expected.losses.empty()) return;
  double added = 0;
  for (const auto& [name, loss] : expected.losses) added += loss.value();
  close("loss/balance", added);
  if (layers == 0) return;
  const double mixtures = file.contains("layer0/second/chosen") ? 2 : 1;  // within the form, each with a mean
  CHECK(std::abs(expected.losses.at("balance").value() - mixtures * of_layers / layers) <= as_exact_as_that);
}

void compare_gradients(const gmoe::safetensors_file& file, const naive::weights& weights, const naive::number& total,
                       const std::string& frozen) {
  const std::vector<double> derivatives = naive::number::derivatives(total);
  for (const auto& [name, w] : weights) {
    CAPTURE(name);
    const bool trained = frozen.empty() || !name.ends_with(frozen);
    std::vector<double> gradient;
    for (const naive::number& n : w.values) gradient.push_back(trained ? derivatives[n.place()] : 0);
    CHECK(distance(file.read<double>("gradient/" + name), gradient) < 10 * as_exact_as_that);
  }
}

void check_trace(const trace_folder& here, const std::string& card, const traced_card& how, bool training) {
  CAPTURE(card);
  CAPTURE(training);
  std::string options = "--variant " + card + " --positions 7 --d-model 8 --layers 3 --heads 2 --d-ff 12";
  options += " --initializer-range 0.5 --gradients --step " + std::to_string(how.step);
  const auto unless_said = [&](const std::string& name, const std::string& value) {
    if (how.options.find(name + " ") == std::string::npos) options += " " + name + " " + value;
  };
  unless_said("--vocab", "13");
  if (how.has_experts) unless_said("--experts", "4");
  const char* const text = how.options.find("--vocab") == std::string::npos ? "tokens" : "letters";
  options += " " + how.options + (training ? " --training --dropout 0.3" : "") + " --tokens " + here.path(text);
  const gmoe::safetensors_file file = here.trace(options);

  naive::number::start();
  const naive::weights weights = weights_in(file);
  naive::settings settings;
  settings.batch = 2;
  settings.sequence = 5;
  settings.training = training;
  settings.step = static_cast<std::size_t>(how.step);
  std::map<std::string, std::vector<double>> read;
  const auto drawn_there = [&](const std::string& what, std::size_t block, std::size_t i) {
    const std::string key = (what == "embeddings_mask" ? "" : "layer" + std::to_string(block) + "/") + what;
    if (!read.contains(key)) read[key] = file.read<double>(key);
    return read[key].at(i);
  };
  settings.draw = drawn_there;
  if (training) settings.drop = drawn_there;
  std::vector<bool> mixed;
  for (int b = 0; b < 3; ++b) mixed.push_back(!file.contains("layer" + std::to_string(b) + "/dense_out"));
  const auto equations = how.equations({file, training});
  const naive::result expected =
      naive::run(*equations, mixed, settings, weights, small_ids(file, "tokens"), small_ids(file, "targets"));
  compare_pass(file, weights, expected);
  compare_gradients(file, weights, expected.total, how.frozen);
}

}  // namespace

TEST_CASE("trace/cards: every card has a reference, here or in program.cpp") {
  const traced_cards references = every_reference();
  for (const gmoe::card_text& text : gmoe::all_cards::texts) {
    const std::string card(text.name);
    CAPTURE(card);
    const auto& others = cards_with_variants::texts;
    const bool there = std::any_of(others.begin(), others.end(), [&](const auto& o) { return o.name == text.name; });
    CHECK((there || references.all.contains(card)));
  }
  for (const auto& [card, how] : references.all) {
    const auto& all = gmoe::all_cards::texts;
    CAPTURE(card);
    CHECK(std::any_of(all.begin(), all.end(), [&](const auto& text) { return text.name == card; }));
  }
}

TEST_CASE("trace/cards: everything follows from a card's trace, in evaluation and in training") {
  trace_folder here;
  std::vector<std::int64_t> tokens, letters, targets;
  for (std::int64_t i = 0; i < 10; ++i) {
    tokens.push_back((5 * i * i + 2 * i + 1) % 13);
    letters.push_back(i % 5 == 2 ? 32 : 97 + (5 * i * i + 2 * i + 1) % 13);
    targets.push_back(i == 4 ? -1 : (3 * i * i + 7) % 13);
  }
  here.write("tokens", tokens, targets);
  here.write("letters", letters, targets);
  const traced_cards references = every_reference();
  for (const auto& [card, how] : references.all)
    for (const bool training : {false, true}) check_trace(here, card, how, training);
}
