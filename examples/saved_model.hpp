#pragma once
/// A model from whatever file or folder --checkpoint names: what sample and score share.

#include <filesystem>
#include <memory>
#include <string>

#include "command_line.hpp"
#include "gmoe/io/checkpoint_header.hpp"
#include "gmoe/io/official_config.hpp"
#include "gmoe/io/official_files.hpp"
#include "session/session.hpp"

namespace examples {

struct saved_model {
  std::unique_ptr<session> model;
  std::string variant;  ///< its name; of an official checkpoint its moe_type
  std::string state;    ///< "gmoe after 3 of 12 steps", "an official checkpoint of a switch model"
  bool official = false;
  std::int64_t step = 0;       ///< of a training checkpoint
  gmoe::index_t sequence = 0;  ///< positions that it was trained on, as far as anybody knows: else all

  const gmoe::sizes& shape() const { return model->shape(); }
};

/// The help of --checkpoint.
inline constexpr const char* checkpoint_help =
    "a training checkpoint, a folder of train, whose checkpoint.safetensors is taken, or a folder with an official "
    "checkpoint";

/// Opens a training checkpoint, or an official one: a folder with config.json. In a folder of train the training
/// checkpoint comes first.
inline saved_model open_model(std::filesystem::path path, const std::string& backend) {
  saved_model opened;
  if (std::filesystem::is_directory(path)) {
    const auto training = path / "checkpoint.safetensors";
    opened.official = !std::filesystem::exists(training) && std::filesystem::exists(path / "config.json");
    if (!opened.official) path = training;
  }
  session_setup setup{.variant = {},
                      .backend = backend,
                      .shape = {},
                      .card = {},
                      .how = {},
                      .train = {},
                      .validation = {},
                      .text_fingerprint = "",
                      .only_model = true};
  if (opened.official) {
    setup.official = path;
    opened.model = make_session(setup);
    const gmoe::official_config config = gmoe::read_official_config(gmoe::official_files(path).config);
    opened.variant = gmoe::name_of(config.kind);
    opened.state = "an official checkpoint of " + gmoe::describe(config);
    opened.sequence = opened.shape().positions;
    return opened;
  }
  const gmoe::checkpoint_header h = check_checkpoint(path);
  setup.variant = opened.variant = h.variant;
  setup.shape = h.shape;
  setup.card = numbers_in(h);
  setup.how = h.how;
  opened.model = make_session(setup);
  opened.model->load(path);
  opened.step = h.step;
  opened.state = gmoe::concat(h.variant, " after ", h.step, " of ", plural(h.how.steps, "step"));
  opened.sequence = h.how.sequence;
  return opened;
}

}  // namespace examples
