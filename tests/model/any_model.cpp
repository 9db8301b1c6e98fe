#include "gmoe/model/any_model.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "gmoe/analysis/record.hpp"
#include "gmoe/io/trace.hpp"
#include "gmoe/io/trace_replay.hpp"
#include "gmoe/io/training_checkpoint.hpp"
#include "gmoe/model/causality.hpp"
#include "gmoe/model/generate.hpp"
#include "gmoe/train/evaluate.hpp"
#include "gmoe/train/trainer.hpp"
#include "io/temp_folder.hpp"
#include "moe_checks.hpp"

using namespace gmoe;

namespace {

using B = gmoe_test::model_backend;

const sizes small_any = [] {
  sizes s = gmoe_test::small_sizes();
  s.dropout = 0.1;
  return s;
}();
const recipe short_course{.steps = 8, .batch = 4, .sequence = 6, .accumulation = 2, .seed = 7};
const std::vector<std::uint8_t> letters = [] {
  std::vector<std::uint8_t> ids;
  for (int i = 0; i < 400; ++i) ids.push_back(static_cast<std::uint8_t>((3 * i + i * i / 7) % 11));
  return ids;
}();
const std::span<const std::uint8_t> read_text(letters);

/// Top-k that keeps the number of the step and what was chosen in it.
struct counting_top_k {
  using slot = slots::select;
  top_k of{};
  template <class Backend>
  struct layer {
    buffer<Backend> step, asked;  // 1 x 1, 1 x N
  };
  template <class Backend>
  layer<Backend> make_layer(const builder<Backend>& make, const layer_shape& l) const {
    return {make.constant_buffer("step", 1, 1, -1), make.constant_buffer("asked", 1, l.experts, 0)};
  }
  void before_step(std::int64_t step, const auto& my) const { set(my.layer.step, {static_cast<double>(step)}); }
  template <class Backend>
  void after_step(std::int64_t, const layer_statistics<Backend>& seen, const auto& my) const {
    set(my.layer.asked, {seen.load.begin(), seen.load.end()});
  }

 private:
  template <class Backend>
  static void set(buffer<Backend>& b, const std::vector<double>& row) {
    const std::vector<typename Backend::scalar> values(row.begin(), row.end());
    b.value() = matrix<Backend>::from_host(values, 1, static_cast<index_t>(row.size()));
  }
};

/// Must see the text first, acts before steps, hears of them, and keeps buffers.
struct counting_card : hash_card {
  static constexpr card_text text{"counting", "", "a hash table and a policy that counts"};
  counting_top_k select{};
  every_block placement{};
};

using chosen_from = card_list<gmoe_card, counting_card>;

/// Everything that a model keeps, by name.
template <class Model>
std::vector<std::pair<std::string, std::vector<double>>> state_of(Model& model) {
  std::vector<std::pair<std::string, std::vector<double>>> all;
  const auto add = [&](const auto& p) {
    const auto values = p.value().to_host();
    all.emplace_back(p.name(), std::vector<double>(values.begin(), values.end()));
  };
  model.each_parameter(add);
  model.each_buffer(add);
  return all;
}

/// What a run of three steps and then evaluation, generation, analysis and a trace say of a model.
struct course {
  std::vector<double> numbers;
  std::vector<id_type> generated;
  std::vector<std::pair<std::string, std::vector<double>>> state;
  bool operator==(const course&) const = default;
};
template <class Model>
course run(Model& model, const std::filesystem::path& file) {
  if (model.needs_preparation()) {
    std::vector<std::int64_t> counts(static_cast<std::size_t>(model.shape().vocab));
    for (const std::uint8_t id : letters) ++counts[id];
    model.prepare(counts);
  }
  course seen;
  trainer training(model, read_text, short_course);
  for (int i = 0; i < 3; ++i) {
    const step_report r = training.step();
    seen.numbers.insert(seen.numbers.end(), {r.language_loss, r.balance_loss, r.gradient_norm});
  }
  seen.numbers.push_back(static_cast<double>(model.step()));
  seen.state = state_of(model);
  const evaluation e = evaluate(model, read_text, 6, 4, 3);
  seen.numbers.insert(seen.numbers.end(), {e.loss, e.balance_loss});
  seen.numbers.push_back(check_causality(model, 6).worst);
  const std::vector<id_type> prompt{3, 6};
  seen.generated = generate(model, std::span<const id_type>(prompt), {.tokens = 20});
  const routing_record record = record_routing(model, read_text, {.sequence = 6, .batch = 2, .most_tokens = 9});
  for (index_t l = 0; l < record.decisions.layers(); ++l)
    for (const id_type e : record.decisions.ids(l)) seen.generated.push_back(e);
  save_checkpoint(file, training, std::string(text_of_card(model.card()).name));
  return seen;
}

trace_tokens traced() { return {2, {1, 2, 3, 4, 5, 6, 7, 8}, {2, 3, 4, 5, -1, 7, 8, 9}}; }

template <class Model>
std::string trace_of(Model& model, const gmoe_test::temp_folder& folder, const trace_settings& how) {
  trace_file<B::scalar> out;
  tracer(model, traced(), how, out).run();
  out.write(folder / "trace");
  return gmoe_test::slurp(folder / "trace");
}

template <class Card>
void check_same() {
  const gmoe_test::temp_folder folder;
  language_model<Card, B> typed(small_any, 5);
  const auto any = make_model<B, chosen_from>(text_of<Card>.name, small_any, 5);
  CHECK(state_of(*any) == state_of(typed));
  CHECK(any->hears_steps == typed.hears_steps);
  CHECK(any->needs_preparation() == typed.needs_preparation());
  const course expected = run(typed, folder / "typed"), seen = run(*any, folder / "any");
  CHECK(seen.numbers == expected.numbers);
  CHECK(seen.generated == expected.generated);
  CHECK(seen.state == expected.state);
  CHECK(gmoe_test::slurp(folder / "any") == gmoe_test::slurp(folder / "typed"));

  for (const bool training : {false, true}) {
    const trace_settings how{.training = training, .step = 4, .gradients = true};
    CHECK(trace_of(*any, folder, how) == trace_of(typed, folder, how));
  }
  const auto replayed = read_replay(folder / "trace", *any, 8, true);
  CHECK(replayed.layers.size() == 3);

  // A file of the one is a file of the other.
  CHECK(check_checkpoint(folder / "any", make_card<chosen_from>(text_of<Card>.name)).step == 3);
  const auto again = make_model<B, chosen_from>(text_of<Card>.name, small_any, 6);
  load_model(folder / "typed", *again, std::string(text_of<Card>.name));
  CHECK(state_of(*again) == expected.state);
  CHECK(again->step() == 3);
  CHECK_FALSE(again->needs_preparation());
}

}  // namespace

TEST_CASE("model/any_model: the bits of the model of that card, in all that is done with it") {
  check_same<gmoe_card>();
  check_same<counting_card>();
}

TEST_CASE("model/any_model: passes and mixtures") {
  model_of<gmoe_card, B> any(language_model<gmoe_card, B>(small_any, 5));
  const language_model<gmoe_card, B>& typed = any.get();
  const any_model<B>& model = any;
  batch<B> data;
  data.assign(std::vector<id_type>{1, 2, 3, 4, 5, 6}, {}, 2, model.shape().vocab);
  const context<B> ctx = any_model<B>::reading({}, data);
  any_pass<B> pass = model.begin(ctx);
  auto expected = typed.begin(ctx);
  CHECK(pass.where().sequence == 3);
  CHECK(model.hidden(pass).value().to_host() == typed.hidden(expected).value().to_host());
  CHECK(pass.balance_loss().value().item() == expected.balance_loss().value().item());
  CHECK(pass.loss().value().item() == expected.loss().value().item());
  std::vector<std::string> names;
  pass.losses([&](std::string_view name, const variable<B>&) { names.emplace_back(name); });
  CHECK(names == std::vector<std::string>{"balance"});

  REQUIRE(model.moe().layers() == 3);
  CHECK(model.moe().shape(1).block == 1);
  CHECK(model.moe().visible(1) == typed.moe().visible(1));
  CHECK(model.moe().widths() == typed.moe().widths());
  const routing<B>& r = pass.found().routings[1];
  CHECK(model.moe().layer_loss(r).value().item() == typed.moe().layer_loss(r).value().item());
  CHECK(model.moe().layer_loss(pass.found(), 1).value().item() == typed.moe().layer_loss(r).value().item());
  CHECK(std::move(pass).found().routings.size() == 3);

  const auto other = make_model<B, chosen_from>("counting", small_any);
  any_pass<B> foreign = other->begin(ctx);
  CHECK(gmoe_test::config_message([&] { model.hidden(foreign); }) == "this pass was begun by a model of another card");
}

TEST_CASE("model/any_model: the card, and the model itself") {
  any_card card = make_card<chosen_from>("gmoe");
  change_setting(card, "balance.alpha", "0.25");
  const auto model = make_model<B, chosen_from>(card, small_any, 3);
  CHECK(model->card().text().name == "gmoe");
  CHECK(model->as<gmoe_card>().card().balance.alpha == 0.25);
  CHECK(gmoe_test::config_message([&] { model->as<counting_card>(); }) == "the card gmoe is no counting_card");
  CHECK(gmoe_test::config_message([] { make_model<B, chosen_from>("gmeo", small_any); }) ==
        "there is no card 'gmeo'; did you mean 'gmoe'? Known cards: gmoe, counting");
  sizes wrong = small_any;
  wrong.heads = 3;
  CHECK(gmoe_test::config_message([&] { make_model<B, chosen_from>("gmoe", wrong); }) ==
        "d_model = 8 is not divisible by heads = 3");
}
