#include "gmoe/io/training_checkpoint.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/core/random.hpp"
#include "gmoe/io/official_card.hpp"
#include "gmoe/model/any_model.hpp"
#include "gmoe/model/cards.hpp"
#include "io/temp_folder.hpp"
#include "short_run.hpp"

using gmoe_test::message_of;
using gmoe_test::temp_folder;

namespace {

using floats = gmoe::cpu<float>;
using model = gmoe::any_model<floats>;

using gmoe_test::short_run;
using gmoe_test::text;
using gmoe_test::tiny;
using gmoe_test::tokens;

struct started {
  std::unique_ptr<model> weights;
  gmoe::trainer<model, std::uint8_t> run;

  explicit started(const gmoe::recipe& how = short_run, const gmoe::sizes& s = tiny, std::uint64_t seed = 7)
      : weights(gmoe::make_model<floats>("gmoe", s, seed)), run(*weights, tokens, how) {}
  void steps(int count) {
    for (int i = 0; i < count; ++i) run.step();
  }
  /// Everything that a checkpoint holds.
  std::vector<float> state() {
    std::vector<float> all;
    const auto add = [&](const auto& m) {
      const auto values = m.to_host();
      all.insert(all.end(), values.begin(), values.end());
    };
    weights->each_parameter([&](auto& p) { add(p.value()); });
    run.optimizer().each_moment([&](const std::string&, const auto& first, const auto& second) {
      add(first);
      add(second);
    });
    return all;
  }
};

/// The file with other notes, and one of its tensors replaced.
void rewrite(const std::filesystem::path& path, const auto& change_notes, const std::string& replaced = "",
             const std::vector<double>& values = {}) {
  const auto copy = path.parent_path() / "copy";
  {
    const gmoe::safetensors_file file(path);
    gmoe::safetensors_writer writer;
    std::map<std::string, std::string> notes(file.metadata().begin(), file.metadata().end());
    change_notes(notes);
    for (const auto& [key, value] : notes) writer.set_metadata(key, value);
    std::vector<std::vector<float>> kept;
    kept.reserve(file.tensors().size());
    for (const auto& t : file.tensors()) {
      if (t.name == replaced)
        writer.add(t.name, t.shape, values);
      else
        writer.add(t.name, t.shape, kept.emplace_back(file.read<float>(t.name)));
    }
    writer.write(copy);
  }
  std::filesystem::rename(copy, path);
}
void spoil(const std::filesystem::path& path, const std::map<std::string, std::string>& changed,
           const std::string& replaced = "", const std::vector<double>& values = {}) {
  const auto change = [&](auto& notes) {
    for (const auto& [key, value] : changed) notes[key] = value;
  };
  rewrite(path, change, replaced, values);
}

/// What version 0.1.1 noted of a model whose user had asked for nothing of that.
const std::map<std::string, std::string> usual_in_format_1{
    {"sizes.top_k", "0"},     {"sizes.granularity", "1"},        {"sizes.shared_experts", "1"},
    {"sizes.moe_blocks", ""}, {"sizes.capacity_factor", "1.25"}, {"sizes.balance_alpha", "0.01"}};

/// A card by its name, with numbers.
template <class List = gmoe::all_cards>
gmoe::any_card card_by_name(const char* name, const std::map<std::string, std::string>& numbers = {}) {
  gmoe::any_card card = gmoe::make_card<List>(name);
  for (const auto& [path, value] : numbers) gmoe::change_setting(card, path, value);
  return card;
}

/// A checkpoint of version 0.1.1 of a model with this card, whose numbers it had noted as `said`.
struct of_format_1 {
  temp_folder folder;
  std::filesystem::path file = folder / "checkpoint";
  std::unique_ptr<model> weights;
  gmoe::trainer<model, std::uint8_t> run;

  of_format_1(const gmoe::any_card& card, const std::map<std::string, std::string>& said)
      : weights(prepared(card)), run(*weights, tokens, short_run) {
    run.step();
    gmoe::save_checkpoint(file, run, "card", "cycle");
    rewrite(file, [&](auto& notes) {
      std::erase_if(notes, [](const auto& note) { return note.first.starts_with("card."); });
      notes["format"] = "gmoe training state 1";
      for (const auto& [key, value] : usual_in_format_1) notes[key] = value;
      for (const auto& [key, value] : said) notes[key] = value;
    });
  }
  static std::unique_ptr<model> prepared(const gmoe::any_card& card) {
    auto m = card.text().name.starts_with("official-") ? gmoe::make_model<floats, gmoe::official_cards>(card, tiny, 7)
                                                       : gmoe::make_model<floats>(card, tiny, 7);
    m->prepare(std::vector<std::int64_t>(32, 1));
    return m;
  }
  /// The card's numbers as the file says them.
  std::string numbers() const {
    std::string text;
    const gmoe::any_card own = weights->card().with_own_numbers();
    gmoe::any_card card = gmoe::check_checkpoint(file, own).card("file", own);
    for (const gmoe::setting& s : card.settings()) text += (text.empty() ? "" : ", ") + s.path() + " = " + s.text();
    return text;
  }
  /// Whether a run of a model with the card goes on from the file as this one does.
  bool goes_on(const gmoe::any_card& card) {
    const auto other = prepared(card);
    gmoe::trainer again(*other, tokens, short_run);
    gmoe::load_checkpoint(file, again, "card", "cycle");
    return again.steps_done() == 1 && again.step().loss == run.step().loss;
  }
};

}  // namespace

TEST_CASE("io/training_checkpoint: what does not belong to the run is refused, and nothing is changed") {
  const temp_folder folder;
  const auto file = folder.path / "checkpoint.safetensors";
  const auto m = gmoe::make_model<floats>("gmoe", tiny, 7);
  gmoe::trainer run(*m, tokens, short_run);
  run.step();
  gmoe::save_checkpoint(file, run, "gmoe", "cycle");
  const auto load = [&](gmoe::sizes s, gmoe::recipe r, const char* variant, const char* words) {
    return message_of<gmoe::file_error>([&] {
      const auto other = gmoe::make_model<floats>("gmoe", s, 1);
      gmoe::trainer t(*other, tokens, r);
      const auto before = other->parameters().front()->value().to_host();
      try {
        gmoe::load_checkpoint(file, t, variant, words);
      } catch (...) {
        CHECK(before == other->parameters().front()->value().to_host());
        CHECK(t.steps_done() == 0);
        throw;
      }
    });
  };
  CHECK(load(tiny, short_run, "gmoe", "cycle") == "<nothing was thrown>");
  CHECK(load(tiny, short_run, "switch", "cycle").find("variant is 'gmoe', but this run's is 'switch'") !=
        std::string::npos);
  CHECK(load(tiny, short_run, "gmoe", "bible").find("text is 'cycle', but this run's is 'bible'") != std::string::npos);
  gmoe::sizes wide = tiny;
  wide.d_ff = 32;
  CHECK(load(wide, short_run, "gmoe", "cycle").find("sizes.d_ff is '24', but this run's is '32'") != std::string::npos);
  gmoe::recipe longer = short_run;
  longer.steps = 20;
  CHECK(load(tiny, longer, "gmoe", "cycle").find("recipe.steps is '8', but this run's is '20'") != std::string::npos);

  // Truncated, and a file that is no training state.
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 100);
  CHECK(load(tiny, short_run, "gmoe", "cycle") != "<nothing was thrown>");
  gmoe::safetensors_writer writer;
  const std::vector<float> numbers{1, 2};
  writer.add("x", {2}, numbers);
  writer.write(file);
  CHECK(load(tiny, short_run, "gmoe", "cycle").find("not a training state") != std::string::npos);
}

TEST_CASE("io/training_checkpoint: a tensor that cannot be read is found before any is changed") {
  const temp_folder folder;
  const auto file = folder / "checkpoint";
  {
    started s;
    s.steps(2);
    gmoe::save_checkpoint(file, s.run, "gmoe");
  }
  started other;
  const auto before = other.state();
  // The last tensor to be restored.
  const std::string last = "second_moment/ln_f.bias";
  std::vector<double> values(16, 1.0);
  values[3] = 1e300;
  spoil(file, {}, last, values);
  const auto load = [&] { gmoe::load_checkpoint(file, other.run, "gmoe"); };
  CHECK_HAS(message_of<gmoe::file_error>(load), "'second_moment/ln_f.bias': element 3, 1e+300, does not fit into F32");
  CHECK(other.state() == before);
  CHECK(other.run.steps_done() == 0);
  CHECK_THROWS_AS(gmoe::load_model(file, *other.weights, "switch"), gmoe::file_error);
  CHECK(other.state() == before);
  gmoe::load_model(file, *other.weights, "gmoe");  // needs no moments
  CHECK(other.state() != before);
  values[3] = 1.0;
  spoil(file, {}, last, values);
  load();  // float64 that fits is read
  CHECK(other.run.steps_done() == 2);
}

TEST_CASE("io/training_checkpoint: the model alone gives the same numbers") {
  const temp_folder folder;
  started s;
  s.steps(2);
  gmoe::save_checkpoint(folder / "checkpoint", s.run, "gmoe", "cycle", 2.5);
  const auto header = gmoe::check_checkpoint(folder / "checkpoint", gmoe::make_card("gmoe"));
  CHECK(header.validation_loss == 2.5);
  CHECK(header.step == 2);
  const auto alone = gmoe::make_model<floats>("gmoe", header.shape, 99);
  gmoe::load_model(folder / "checkpoint", *alone, "gmoe");
  std::vector<std::vector<float>> theirs, ours;
  s.weights->each_parameter([&](auto& p) { theirs.push_back(p.value().to_host()); });
  alone->each_parameter([&](auto& p) { ours.push_back(p.value().to_host()); });
  CHECK(ours == theirs);
}

TEST_CASE("io/training_checkpoint: a model restored from a file has seen the training text") {
  const temp_folder folder;
  const auto table_of = [](model& m) {
    std::vector<float> table;
    m.each_buffer([&](const auto& b) { table = b.value().to_host(); });
    return table;
  };
  const auto make = [] { return gmoe::make_model<floats>("hash", tiny, 7); };
  const auto first = make(), alone = make(), resumed = make();
  std::vector<std::int64_t> counts(32);
  for (const std::uint8_t t : tokens) ++counts[t];
  first->prepare(counts);
  gmoe::trainer run(*first, tokens, short_run);
  gmoe::save_checkpoint(folder / "checkpoint", run, "hash");
  REQUIRE(table_of(*first) != table_of(*alone));

  CHECK(alone->needs_preparation());
  gmoe::load_model(folder / "checkpoint", *alone, "hash");
  CHECK_FALSE(alone->needs_preparation());
  CHECK(table_of(*alone) == table_of(*first));
  resumed->prepare(std::vector<std::int64_t>(32, 1));  // of another text
  gmoe::trainer again(*resumed, tokens, short_run);
  gmoe::load_checkpoint(folder / "checkpoint", again, "hash");
  CHECK(table_of(*resumed) == table_of(*first));
}

TEST_CASE("io/training_checkpoint: a run may be made longer, with the rates of the longer run from there on") {
  const temp_folder folder;
  const auto file = folder / "checkpoint";
  started whole;
  whole.steps(8);
  gmoe::save_checkpoint(file, whole.run, "gmoe");
  gmoe::recipe longer = short_run;
  longer.steps = 12;
  started next(longer, tiny, 99);
  CHECK_HAS(message_of<gmoe::file_error>([&] { gmoe::load_checkpoint(file, next.run, "gmoe"); }),
            "recipe.steps is '8', but this run's is '12'");
  gmoe::load_checkpoint(file, next.run, "gmoe", "", gmoe::planned_steps::may_differ);
  CHECK(next.run.steps_done() == 8);
  CHECK(!next.run.finished());
  CHECK(next.state() == whole.state());
  const auto rate = longer.schedule();
  for (int s = 8; s < 12; ++s) CHECK(next.run.step().learning_rate == rate(s));
  CHECK(next.run.finished());
  gmoe::save_checkpoint(file, next.run, "gmoe");
  CHECK(gmoe::read_checkpoint_header(file).how.steps == 12);

  gmoe::recipe shorter = short_run;
  shorter.steps = 11;
  started less(shorter);
  CHECK_HAS(message_of<gmoe::file_error>(
                [&] { gmoe::load_checkpoint(file, less.run, "gmoe", "", gmoe::planned_steps::may_differ); }),
            "this checkpoint is at step 12, but this run has only 11 steps");
}

TEST_CASE("io/training_checkpoint: notes that no run can have written are refused, before a model is built") {
  const temp_folder folder;
  const auto file = folder / "checkpoint";
  started s;
  s.steps(1);
  const auto refusal = [&](const std::string& key, const std::string& value) {
    gmoe::save_checkpoint(file, s.run, "gmoe");
    spoil(file, {{key, value}});
    const auto begin = std::chrono::steady_clock::now();
    const std::string message =
        message_of<gmoe::file_error>([&] { gmoe::check_checkpoint(file, gmoe::make_card("gmoe")); });
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(2));
    CHECK_HAS(message, "checkpoint'");  // names the file
    CHECK(message.size() < 500);
    return message;
  };
  CHECK_HAS(refusal("step", "9223372036854775807"), "step is 9223372036854775807, expected 0 to the run's 8 steps");
  CHECK_HAS(refusal("step", "-1"), "step is -1, expected 0 to");
  CHECK_HAS(refusal("step", "\x1b[2J"), "metadata 'step' is '\\x1b[2J', expected a number");
  CHECK_HAS(refusal("step", std::string(3'000'000, 'x')), "...', expected a number");
  CHECK_HAS(refusal("format", std::string(3'000'000, 'x')),
            "...', expected 'gmoe training state 2' or 'gmoe training state 1'");
  CHECK_HAS(refusal("recipe.learning_rate", "inf"), "learning_rate is inf, expected a finite number");
  CHECK_HAS(refusal("recipe.sequence", "9223372036854775807"), "sequence is 9223372036854775807, expected at most");
  CHECK_HAS(refusal("sizes.d_model", "1000000"), "sizes.d_model is 1000000, but the file's");
  CHECK_HAS(refusal("sizes.layers", "1000000"), "sizes.layers is 1000000, but the file's");
  CHECK_HAS(refusal("sizes.experts", "1000000"), "sizes.experts is 1000000, but the file's");
  CHECK_HAS(refusal("sizes.vocab", "9223372036854775807"), "sizes.vocab is 9223372036854775807, but the file's");
  CHECK_HAS(refusal("sizes.heads", "3"), "d_model = 16 is not divisible by heads = 3");
  CHECK_HAS(refusal("sizes.dropout", "nan"), "dropout is nan");
  CHECK_HAS(refusal("sizes.layers", "3"), "has no tensor 'parameter/h.2.ln_1.weight'");
  CHECK_HAS(refusal("sizes.positions", "17"), "'parameter/wpe' has shape [16, 16], but its sizes make 17 x 16");
  CHECK_HAS(refusal("sizes.experts", "4"), "has shape");
  gmoe::save_checkpoint(file, s.run, "gmoe");
  const auto refusal_by = [&](const gmoe::any_card& card) {
    return message_of<gmoe::file_error>([&] { gmoe::check_checkpoint(file, card); });
  };
  CHECK_HAS(refusal_by(gmoe::make_card("switch")), "no metadata 'card.capacity.factor'");
  const gmoe::any_card other_router(gmoe::with<gmoe::gmoe_card, gmoe::linear_router>{});
  CHECK_HAS(refusal_by(other_router), "has no tensor 'parameter/router.0.gate'");
  CHECK(gmoe::check_checkpoint(file, gmoe::make_card("gmoe")).shape.d_model == 16);
}

TEST_CASE("io/training_checkpoint: the numbers of the card are the file's") {
  const temp_folder folder;
  const auto file = folder / "checkpoint";
  using own_card = gmoe::with<gmoe::switch_card, gmoe::jittered<gmoe::linear_router>, gmoe::listed_blocks>;
  own_card card;
  card.router.epsilon = 0.25;
  card.placement.blocks = {1};
  card.capacity = {.factor = 1.5, .order = gmoe::priority::choice_order, .room = gmoe::room::exact};
  card.balance.alpha = 0.125;
  gmoe::language_model<own_card, floats> m(tiny, card, 7);
  gmoe::trainer run(m, tokens, short_run);
  run.step();
  gmoe::save_checkpoint(file, run, "mine");
  const own_card read = gmoe::check_checkpoint<own_card>(file).card<own_card>("file");
  CHECK(read.router.epsilon == 0.25);
  CHECK(read.placement.blocks == std::vector<gmoe::index_t>{1});
  CHECK(read.capacity.factor == 1.5);
  CHECK(read.capacity.order == gmoe::priority::choice_order);
  CHECK(read.capacity.room == gmoe::room::exact);
  CHECK(read.balance.alpha == 0.125);

  card.balance.alpha = 0.25;
  gmoe::language_model<own_card, floats> other(tiny, card, 7);
  gmoe::trainer next(other, tokens, short_run);
  CHECK_HAS(message_of<gmoe::file_error>([&] { gmoe::load_checkpoint(file, next, "mine"); }),
            "this checkpoint's card.balance.alpha is '0.125', but this run's is '0.25'");
  // Of another variant nothing else is said, even where its numbers have other names.
  CHECK_HAS(message_of<gmoe::file_error>([&] { gmoe::load_checkpoint(file, next, "yours"); }),
            "this checkpoint's variant is 'mine', but this run's is 'yours'");
}

TEST_CASE("io/training_checkpoint: numbers of the card that are missing, unknown or out of range") {
  const temp_folder folder;
  const auto file = folder / "checkpoint";
  started s;
  s.steps(1);
  const auto refusal = [&](const auto& change) {
    gmoe::save_checkpoint(file, s.run, "gmoe");
    rewrite(file, change);
    started other;
    const auto before = other.state();
    const std::string asked =
        message_of<gmoe::file_error>([&] { gmoe::check_checkpoint(file, gmoe::make_card("gmoe")); });
    CHECK(message_of<gmoe::file_error>([&] { gmoe::load_checkpoint(file, other.run, "gmoe"); }) == asked);
    CHECK(other.state() == before);
    CHECK_HAS(asked, "checkpoint': ");  // names the file
    return asked;
  };
  const auto set = [&](const char* key, const char* value) {
    return refusal([&](auto& notes) { notes[key] = value; });
  };
  CHECK_HAS(refusal([](auto& notes) { notes.erase("card.balance.alpha"); }), "no metadata 'card.balance.alpha'");
  CHECK_HAS(refusal([](auto& notes) { notes.erase("card.select.k"); }), "no metadata 'card.select.k'");
  CHECK_HAS(set("card.capacity.factor", "1"), "metadata 'card.capacity.factor' is no number of the card gmoe");
  CHECK_HAS(set("card.\x1b[2J", "1"), "metadata 'card.\\x1b[2J' is no number of the card gmoe");
  CHECK_HAS(set("card.balance.alpha", "-1"), "metadata 'card.balance.alpha': balance.alpha is -1, expected 0 or more");
  CHECK_HAS(set("card.balance.alpha", "inf"), "metadata 'card.balance.alpha': balance.alpha is inf, expected a finite");
  CHECK_HAS(set("card.balance.alpha", "much"), "balance.alpha is 'much', expected a number");
  CHECK_HAS(set("card.select.k", "0"), "metadata 'card.select.k': select.k is 0, expected at least 1");
  CHECK_HAS(set("card.select.k", "1.5"), "select.k is '1.5', expected a whole number");
}

TEST_CASE("io/training_checkpoint: files of version 0.1.1, the numbers that every card had") {
  {
    gmoe::any_card card = card_by_name("gmoe", {{"balance.alpha", "0.02"}});
    of_format_1 old(card, {{"sizes.balance_alpha", "0.02"}});
    CHECK(old.numbers() == "select.k = 1, balance.alpha = 0.02");
    CHECK(old.goes_on(card));
    gmoe::change_setting(card, "balance.alpha", "0.03");
    CHECK_HAS(message_of<gmoe::file_error>([&] { old.goes_on(card); }),
              "this checkpoint's card.balance.alpha is '0.02', but this run's is '0.03'");
  }
  {
    const gmoe::any_card card = card_by_name("switch", {{"capacity.factor", "2"}, {"select.k", "2"}});
    of_format_1 old(card, {{"sizes.capacity_factor", "2"}, {"sizes.top_k", "2"}});
    CHECK(old.numbers() ==
          "select.k = 2, capacity.factor = 2, capacity.order = token_order, capacity.room = rounded_up, "
          "balance.alpha = 0.01, placement.first = 0");
    CHECK(old.goes_on(card));
  }
  {
    of_format_1 old(gmoe::make_card("gshard"), {});  // of top_k = 0 the card's own is 2
    CHECK(old.numbers() ==
          "select.k = 2, capacity.factor = 1.25, capacity.order = within_choice, capacity.room = rounded_up, "
          "balance.alpha = 0.01, placement.first = 0");
    CHECK(old.goes_on(old.weights->card()));
  }
  {
    of_format_1 old(gmoe::make_card("gmoe-no-local-top2"), {});
    CHECK(old.numbers() ==
          "select.k = 2, capacity.factor = 1.25, capacity.order = token_order, capacity.room = tokens, "
          "balance.alpha = 0.01");
    CHECK(old.goes_on(old.weights->card()));
  }
  {
    of_format_1 old(gmoe::make_card("hash"), {{"sizes.balance_alpha", "7"}});  // which it did not use
    CHECK(old.numbers() == "select.k = 1, placement.first = 0");
    CHECK(old.goes_on(old.weights->card()));
  }
  {
    of_format_1 old(gmoe::make_card("dense"), {});
    CHECK(old.numbers() == "");
    CHECK(old.goes_on(old.weights->card()));
  }
}

TEST_CASE("io/training_checkpoint: files of version 0.1.1, the numbers of some cards") {
  {
    const gmoe::any_card card =
        card_by_name("deepseek-moe", {{"experts.granularity", "3"}, {"experts.shared_experts", "2"}});
    of_format_1 old(card, {{"sizes.granularity", "3"}, {"sizes.shared_experts", "2"}});
    CHECK(old.numbers() ==
          "experts.granularity = 3, experts.shared_experts = 2, select.k = 2, balance.alpha = 0.01, "
          "placement.first = 0");
    CHECK(old.goes_on(card));
  }
  {
    // GMoE's parts are all routed, though each model had a number of shared experts.
    const gmoe::any_card card = gmoe::make_card("gmoe-fine-grained");
    of_format_1 old(card, {{"sizes.granularity", "2"}});
    CHECK(old.numbers() == "experts.granularity = 2, experts.shared_experts = 0, select.k = 1, balance.alpha = 0.01");
    CHECK(old.goes_on(card));
  }
  {
    const gmoe::any_card card = card_by_name<gmoe::official_cards>("official-switch", {{"placement.blocks", "1"}});
    of_format_1 old(card, {{"sizes.moe_blocks", "1"}});
    CHECK(old.numbers() ==
          "select.k = 1, capacity.factor = 1.25, capacity.order = token_order, capacity.room = rounded_up, "
          "balance.alpha = 0.01, "
          "placement.blocks = 1");
    CHECK(old.goes_on(card));
  }
}

TEST_CASE("io/training_checkpoint: files of version 0.1.1 that cannot be one are refused by the names in them") {
  const auto refusal = [](const std::map<std::string, std::string>& said, const std::string& missing = "") {
    of_format_1 old(gmoe::make_card("deepseek-moe"), said);
    rewrite(old.file, [&](auto& notes) { notes.erase(missing); });
    return message_of<gmoe::file_error>([&] { gmoe::check_checkpoint(old.file, gmoe::make_card("deepseek-moe")); });
  };
  CHECK_HAS(refusal({}, "sizes.balance_alpha"), "no metadata 'sizes.balance_alpha'");
  CHECK_HAS(refusal({}, "sizes.moe_blocks"), "no metadata 'sizes.moe_blocks'");
  CHECK_HAS(refusal({{"sizes.balance_alpha", "-1"}}),
            "metadata 'sizes.balance_alpha': balance.alpha is -1, expected 0 or more");
  CHECK_HAS(refusal({{"sizes.top_k", "-1"}}), "metadata 'sizes.top_k': select.k is -1, expected at least 1");
  CHECK_HAS(refusal({{"sizes.granularity", "many"}}), "'sizes.granularity': experts.granularity is 'many'");
  CHECK_HAS(refusal({{"sizes.granularity", "1000000"}}), "sizes.granularity is 1000000, but the file's");
  CHECK_HAS(refusal({{"sizes.shared_experts", "1000000"}}), "sizes.shared_experts is 1000000, but the file's");
}

namespace {

struct series_card {
  static constexpr gmoe::card_text text{"series", "", "a hash layer upon GMoE"};
  gmoe::in_series<gmoe::gmoe_card, gmoe::hash_card> form{};
  gmoe::every_block placement{};
  gmoe::gpt2_feed_forward dense{};
};

}  // namespace

TEST_CASE("io/training_checkpoint: mixtures in a form, with numbers by their paths") {
  using series = gmoe::language_model<series_card, floats>;
  const temp_folder folder;
  const auto file = folder.path / "checkpoint";
  series_card card;
  gmoe::change_setting(card, "form.first.balance.alpha", "0.25");
  series first(tiny, card, 7);
  CHECK(first.needs_preparation());
  std::vector<std::int64_t> counts(32, 1);
  counts[3] = 100;
  first.prepare(counts);
  gmoe::trainer run(first, tokens, short_run);
  run.step();
  gmoe::save_checkpoint(file, run, "series", "cycle");

  const gmoe::checkpoint_header header = gmoe::check_checkpoint<series_card>(file);
  CHECK(header.settings.at("form.first.balance.alpha") == "0.25");
  CHECK(header.settings.at("form.second.select.k") == "1");
  series second(tiny, header.card<series_card>("file"), 8);
  second.set_prepared();
  gmoe::trainer again(second, tokens, short_run);
  gmoe::load_checkpoint(file, again, "series", "cycle");
  CHECK(again.step().loss == run.step().loss);
  second.each_buffer([&](const auto& b) { CHECK(b.name() == "form.second.router.bucket"); });

  spoil(file, {{"card.form.first.balance.alpha", "-1"}});
  CHECK(message_of<gmoe::file_error>([&] {
          gmoe::check_checkpoint<series_card>(file).card<series_card>("file");
        }).find("'card.form.first.balance.alpha': form.first.balance.alpha is -1, expected 0 or more") !=
        std::string::npos);
}
