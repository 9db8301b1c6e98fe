#pragma once
/// Saving and resuming a training run: one file, written atomically, that holds everything.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "gmoe/backend/shapes.hpp"
#include "gmoe/io/check_buffers.hpp"
#include "gmoe/io/checkpoint_header.hpp"
#include "gmoe/io/in_quotes.hpp"
#include "gmoe/io/safetensors.hpp"
#include "gmoe/model/any_card.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/train/trainer.hpp"

namespace gmoe {

/// Writes parameters, moments, data that is not trained (such as a hash table), step, sizes and recipe to `path`; and
/// the loss on the validation text, where it is known. Atomic: a crash at any moment leaves the previous file. All
/// ranks of a run call it, and rank 0 writes; the file does not know how many there are.
template <class Model, class Token, class Ranks>
void save_checkpoint(const std::filesystem::path& path, trainer<Model, Token, Ranks>& run, const std::string& variant,
                     const std::string& text = "", std::optional<double> validation_loss = {}) {
  safetensors_writer file;
  checkpoint_header header{variant, text, run.steps_done(), run.model().shape(), {}, run.how(), validation_loss};
  header.set_card(run.model().card());
  header.unread_numbers = run.model().unread_numbers();
  for (auto& [key, value] : header.to_metadata()) file.set_metadata(key, value);
  const auto add = [&](const std::string& name, const auto& m) {
    using element = typename std::decay_t<decltype(m)>::element;
    file.add_streamed<element>(name, {m.rows(), m.cols()},
                               [&m](const chunk_sink<element>& sink) { sink(m.to_host()); });
  };
  run.model().each_parameter([&](const auto& p) { add("parameter/" + p.name(), p.value()); });
  run.optimizer().each_moment([&](const std::string& name, const auto& first, const auto& second) {
    add("first_moment/" + name, first);
    add("second_moment/" + name, second);
  });
  run.model().each_buffer([&](const auto& b) { add("buffer/" + b.name(), b.value()); });
  ranks::on_first(run.ranks(), [&] { file.write(path); });
}

namespace detail {

/// Restores what `each(visit)` visits as visit(name, matrix), once all of it was found to be there, in its shape and in
/// numbers that fit. Returns how many tensors that were.
template <class B>
std::size_t load_matrices(const safetensors_file& file, const std::string& path, const auto& each) {
  std::size_t count = 0;
  each([&](const std::string& n, const auto& m) {
    using element = typename std::decay_t<decltype(m)>::element;
    const tensor_entry& found = file.entry(n);
    require<file_error>(found.shape == std::vector<index_t>{m.rows(), m.cols()}, path, ": tensor ", in_quotes(n),
                        " does not have the shape ", m.rows(), " x ", m.cols(), " of this model");
    if (found.type != dtype_of<element>()) file.template read<element>(n);  // throws for what does not fit
    ++count;
  });
  each([&](const std::string& n, auto& m) {
    using element = typename std::decay_t<decltype(m)>::element;
    const std::vector<element> values = file.template read<element>(n);
    if (!values.empty()) B::upload(m.data(), values.data(), values.size() * sizeof(element));
  });
  return count;
}

template <class Model>
void each_model_matrix(Model& model, const auto& visit) {
  model.each_parameter([&](auto& p) { visit("parameter/" + p.name(), p.value()); });
  model.each_buffer([&](auto& b) { visit("buffer/" + b.name(), b.value()); });
}

}  // namespace detail

/// Whether the number of steps in all may be another than that of the run that saved the checkpoint. The learning rate
/// of a step follows from its number and that number: from there on it is the rate of a run with the new number.
enum class planned_steps { same, may_differ };

/// Restores what save_checkpoint wrote into `run`. Everything is checked before anything is changed: the variant,
/// the text, sizes and recipe must be the run's own, every tensor there with its shape and numbers that fit.
template <class Model, class Token, class Ranks>
void load_checkpoint(const std::filesystem::path& path, trainer<Model, Token, Ranks>& run, const std::string& variant,
                     const std::string& text = "", planned_steps planned = planned_steps::same) {
  using B = typename Model::backend_type;
  const safetensors_file file(path);
  const std::string name = in_quotes(path.string(), 4096);
  const checkpoint_header found = checkpoint_header::from_metadata(file.metadata(), name);
  require<file_error>(found.variant == variant, name, ": this checkpoint's variant is ", in_quotes(found.variant),
                      ", but this run's is ", in_quotes(variant));
  recipe how = run.how();
  if (planned == planned_steps::may_differ) {
    require<file_error>(how.steps >= found.step, name, ": this checkpoint is at step ", found.step,
                        ", but this run has only ", how.steps, " steps");
    how.steps = found.how.steps;
  }
  checkpoint_header mine{variant, text, found.step, run.model().shape(), {}, how, {}};
  mine.set_card(run.model().card());
  checkpoint_header theirs = found;
  theirs.validation_loss.reset();
  theirs.set_card(found.card(name, with_own_numbers(run.model().card())));
  const auto read = theirs.to_metadata();
  for (const auto& [key, value] : mine.to_metadata()) {
    const auto other = read.find(key);
    require<file_error>(other != read.end(), name, ": no metadata '", key, "'");
    require<file_error>(other->second == value, name, ": this checkpoint's ", key, " is ", in_quotes(other->second),
                        ", but this run's is ", in_quotes(value));
  }

  std::size_t moments = 0;
  run.optimizer().each_moment([&](const std::string&, const auto&, const auto&) { moments += 2; });
  std::size_t buffers = 0;
  run.model().each_buffer([&](const auto&) { ++buffers; });
  const std::size_t expected = moments / 2 + moments + buffers;
  require<file_error>(file.tensors().size() == expected, name, ": ", file.tensors().size(), " tensors, expected ",
                      expected);
  check_buffers(file, run.model(), name);
  detail::load_matrices<B>(file, name, [&](const auto& visit) {
    detail::each_model_matrix(run.model(), visit);
    run.optimizer().each_moment([&](const std::string& n, auto& first, auto& second) {
      visit("first_moment/" + n, first);
      visit("second_moment/" + n, second);
    });
  });
  run.model().set_prepared();
  run.model().set_unread_numbers(found.unread_numbers);
  run.resume_at(found.step);
}

/// Restores the model alone of what save_checkpoint wrote: to evaluate it, or to generate text. The model must be of
/// the file's variant and sizes; it is not changed unless all of it fits.
template <class Model>
void load_model(const std::filesystem::path& path, Model& model, const std::string& variant) {
  const safetensors_file file(path);
  const std::string name = in_quotes(path.string(), 4096);
  const checkpoint_header found = checkpoint_header::from_metadata(file.metadata(), name);
  require<file_error>(found.variant == variant, name, ": this checkpoint's variant is ", in_quotes(found.variant),
                      ", but this model's is ", in_quotes(variant));
  check_buffers(file, model, name);
  detail::load_matrices<typename Model::backend_type>(
      file, name, [&](const auto& visit) { detail::each_model_matrix(model, visit); });
  model.set_prepared();
  model.set_unread_numbers(found.unread_numbers);
  model.set_step(found.step);
}

/// What the checkpoint says of itself, once all its tensors were found to be those of a model of `own`, a card with its
/// own numbers, and the file's sizes. Builds no model: a file of any content costs little more than reading its header.
inline checkpoint_header check_checkpoint(const std::filesystem::path& path, const any_card& own) {
  const safetensors_file file(path);
  const std::string name = in_quotes(path.string(), 4096);
  const checkpoint_header h = checkpoint_header::from_metadata(file.metadata(), name);
  h.check_room(file, name);
  try {
    const any_card card = h.card(name, own);
    check_sizes(h.shape, card);
    bool mixture = false;
    for (index_t b = 0; b < h.shape.layers; ++b) mixture = mixture || card.has_mixture(h.shape, b);
    // What bounds the number of experts.
    if (mixture && card.has_pool() && checkpoint_header::largest_of_experts(file) == 0)
      file.entry("parameter/experts.w_in");
    for (const parameter_shape& p : card.parameters(h.shape))
      for (const char* kind : {"parameter/", "first_moment/", "second_moment/"}) {
        const tensor_entry& found = file.entry(kind + p.name);
        require<file_error>(found.shape == std::vector<index_t>{p.rows, p.cols}, name, ": tensor ",
                            in_quotes(found.name), " has shape ", shape_text(found.shape), ", but its sizes make ",
                            p.rows, " x ", p.cols);
      }
  } catch (const config_error& e) {
    throw file_error(concat(name, ": ", e.what()));
  }
  return h;
}
template <class Card>
checkpoint_header check_checkpoint(const std::filesystem::path& path) {
  return check_checkpoint(path, any_card(Card{}));
}

}  // namespace gmoe
