#pragma once
/// A training run of any variant behind one interface: what programs need when the variant is chosen at run time.
///
/// A model of any variant is an any_model; a session is that with its texts and its trainer, on any backend.

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "budgets.hpp"
#include "gmoe/analysis/record.hpp"
#include "gmoe/io/checkpoint_header.hpp"
#include "gmoe/model/generate.hpp"
#include "gmoe/model/log_likelihood.hpp"
#include "gmoe/nn/sizes.hpp"
#include "gmoe/ranks/any.hpp"
#include "gmoe/train/evaluate.hpp"
#include "gmoe/train/recipe.hpp"
#include "gmoe/train/trainer.hpp"
#include "path_probes.hpp"
#include "settings.hpp"

namespace examples {

/// What a session is made of. The text must outlive it.
struct session_setup {
  std::string variant;
  std::string backend = "eigen";  ///< one of compiled_backends()
  gmoe::sizes shape;
  settings card;  ///< numbers of the variant's card that are not its own
  gmoe::recipe how;
  std::span<const std::uint8_t> train, validation;
  std::string text_fingerprint;         ///< tells texts apart when a run is resumed
  bool only_model = false;              ///< without texts: to load a model and generate, not to train or evaluate it
  gmoe::ranks::any ranks = {};          ///< that share the passes of a step; every one has such a session
  std::filesystem::path official = {};  ///< an official checkpoint, whose variant, sizes and numbers are taken instead
};

/// Loss on the validation text and the share of the choices that each expert got, per layer with a mixture.
struct session_report {
  gmoe::evaluation loss;
  std::vector<gmoe::index_t> blocks;
  std::vector<std::vector<double>> load;
};

/// Numbers of parameters, and of multiplications in matrix products per token.
struct parameter_counts {
  gmoe::index_t total = 0, active = 0, multiply_adds = 0;
};

class session {
 public:
  virtual ~session() = default;

  /// All ranks call it, as `evaluate`, `save` and `load`.
  virtual gmoe::step_report step() = 0;
  virtual bool finished() const = 0;
  virtual std::int64_t steps_done() const = 0;
  /// On the validation text; `most_batches` limits it, 0: all of it.
  virtual session_report evaluate(gmoe::index_t most_batches) = 0;
  /// On another text.
  virtual session_report evaluate(std::span<const std::uint8_t> text, gmoe::index_t most_batches) = 0;
  /// How the validation text is routed.
  virtual gmoe::routing_record record(const gmoe::record_options& how) = 0;
  /// The loss with fewer experts in memory.
  virtual budget_report evaluate_within(const budget_options& how) = 0;
  /// What the paths of its choices are worth.
  virtual probe_report probe_paths(const probe_options& how) = 0;
  /// Continues `prompt`, telling every new piece of text as it is made.
  virtual void generate(std::string_view prompt, const gmoe::sampling& how,
                        const std::function<void(std::string_view)>& on_text) = 0;
  /// How likely continuations are, as gmoe::log_likelihoods has it.
  virtual std::vector<gmoe::log_likelihood> log_likelihoods(std::span<const gmoe::continuation> pairs,
                                                            const gmoe::likelihood_options& how) = 0;
  /// Of the model, whoever said so.
  virtual const gmoe::sizes& shape() const = 0;
  /// A training checkpoint; with the loss on the validation text where it is known.
  virtual void save(const std::filesystem::path& file, std::optional<double> validation_loss = {}) = 0;
  /// Continues from a training checkpoint. The number of steps in all may be another.
  virtual void load(const std::filesystem::path& file) = 0;
  /// Why the variant has no official checkpoint; empty if it has.
  virtual std::string official_obstacle() = 0;
  /// Writes an official checkpoint; false if the variant has no official format.
  virtual bool save_official(const std::filesystem::path& folder) = 0;
  virtual parameter_counts count() const = 0;
  /// Hash of the present values of embeddings, attention and norms: what variants have in common.
  virtual std::string backbone_fingerprint() = 0;
  /// The card's slots and its numbers of parameters, as a table.
  virtual std::string describe() const = 0;
};

/// The session of a variant, or config_error for an unknown name or sizes that do not fit.
std::unique_ptr<session> make_session(const session_setup& setup);

/// What make_session would count, without the memory for it.
parameter_counts count_parameters(const std::string& variant, const gmoe::sizes& shape, const settings& card);

/// A variant's slots, their numbers and functions, and its numbers of parameters at these sizes, as a table.
std::string describe(const std::string& variant, const gmoe::sizes& shape, const settings& card);

/// The same in few lines: who answers which slot with which numbers and functions.
std::string describe_briefly(const std::string& variant, const settings& card);

/// What a training checkpoint of any variant says of itself, once its tensors were found to fit: before a model is
/// made. Its settings are all numbers of the card, whichever version wrote it.
gmoe::checkpoint_header check_checkpoint(const std::filesystem::path& file);

/// Why models of the variant have no likelihoods of continuations; empty if they have.
std::string likelihood_obstacle(const std::string& variant);

/// The backends that this program was built with: "eigen", and "thrust" or "cuda" where they were found.
std::vector<std::string> compiled_backends();

/// Most bytes that a backend's buffers have held since the last release_memory(), which returns unused ones.
std::size_t peak_memory(const std::string& backend);
void release_memory(const std::string& backend);

/// The numbers of a checkpoint's card.
settings numbers_in(const gmoe::checkpoint_header& h);

/// Every variant's name, with its paper and one line about it.
struct variant_entry {
  std::string name, paper, about;
};
std::vector<variant_entry> all_variants();

}  // namespace examples
