#pragma once
/// What `trace` does on one backend: each file that includes this compiles it once.

#include <cstdio>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "../session/models.hpp"
#include "gmoe/backend/cpu.hpp"
#include "gmoe/io/official_load.hpp"
#include "gmoe/io/trace.hpp"
#include "gmoe/io/trace_replay.hpp"
#include "gmoe/io/training_checkpoint.hpp"
#include "gmoe/model/any_model.hpp"
#include "variant.hpp"

namespace trace {

/// Traces `model`, whatever it came from, into the file that the options name.
template <class Model>
void trace_model(Model& model, const std::string& variant, const variant_options& o, gmoe::trace_tokens text) {
  using B = typename Model::backend_type;
  using scalar = typename B::scalar;
  const gmoe::trace_settings how{.training = o.training,
                                 .step = o.step,
                                 .seed = o.how.seed,
                                 .gradients = o.gradients,
                                 .train_steps = o.train_steps,
                                 .how = o.how};
  gmoe::trace_file<scalar> out;
  gmoe::tracer tracer(model, text, how, out);
  gmoe::require(!o.replay_constants || !o.replay.empty(), "--replay-constants needs --replay FILE to take them from");
  std::optional<gmoe::replay<B>> recorded;
  if (!o.replay.empty()) {
    recorded = gmoe::read_replay(o.replay, model, static_cast<gmoe::index_t>(text.ids.size()), o.replay_constants);
    tracer.follow(*recorded);
  }
  tracer.run();
  out.set_metadata("variant", variant);
  out.set_metadata("scalar", std::is_same_v<scalar, double> ? "double" : "float");
  out.write(o.out);
  std::printf("%s",
              gmoe::describe(model.card(), gmoe::detail_level::brief).c_str());  // when nothing can go wrong any more
}

/// A new model of a card by name.
template <class B>
void trace_variant(const variant_options& o, const gmoe::trace_tokens& text) {
  const auto model = gmoe::make_model<B>(examples::card_with(o.variant, o.card), o.shape, o.how.seed);
  if (model->needs_preparation()) {  // by the training text; here that is the traced tokens
    std::vector<std::int64_t> counts(static_cast<std::size_t>(o.shape.vocab));
    text.batch_for(*model);  // refuses ids that cannot be counted
    for (const std::int64_t id : text.ids) ++counts[static_cast<std::size_t>(id)];
    model->prepare(counts);
  }
  trace_model(*model, o.variant, o, text);
}

/// The model of a training checkpoint, or of an official one where the path is a folder with a config.json.
template <class B>
void trace_checkpoint(const variant_options& o, const gmoe::trace_tokens& text) {
  namespace fs = std::filesystem;
  const bool folder = fs::is_directory(o.checkpoint);
  if (folder && fs::exists(o.checkpoint / "config.json"))
    return gmoe::with_official_model<B>(o.checkpoint, [&](auto& model) {
      const gmoe::official_kind kind = gmoe::official_form_of(model.card()).kind;
      trace_model(model, "official " + std::string(gmoe::name_of(kind)), o, text);
    });
  const fs::path file = folder ? o.checkpoint / "checkpoint.safetensors" : o.checkpoint;
  const std::string variant = gmoe::read_checkpoint_header(file).variant;
  const gmoe::any_card own = gmoe::make_card(variant);
  const gmoe::checkpoint_header h = gmoe::check_checkpoint(file, own);
  const auto model = gmoe::make_model<B>(h.card(gmoe::in_quotes(file.string(), 4096), own), h.shape);
  gmoe::load_model(file, *model, variant);
  trace_model(*model, variant, o, text);
}

template <class B>
void trace_on(const variant_options& o) {
  gmoe::require(o.variant.empty() != o.checkpoint.empty(),
                "give either --variant NAME, for a new model, or --checkpoint PATH, for a saved one");
  const gmoe::trace_tokens text = gmoe::trace_tokens::read(o.tokens);
  o.variant.empty() ? trace_checkpoint<B>(o, text) : trace_variant<B>(o, text);
}

}  // namespace trace
