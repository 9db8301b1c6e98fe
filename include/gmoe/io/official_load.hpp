#pragma once
/// Loading published checkpoints.

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmoe/backend/contract.hpp"
#include "gmoe/core/error.hpp"
#include "gmoe/io/official_config.hpp"
#include "gmoe/io/official_files.hpp"
#include "gmoe/io/official_tensors.hpp"
#include "gmoe/io/safetensors_reader.hpp"
#include "gmoe/model/any_model.hpp"
#include "gmoe/model/language_model.hpp"

namespace gmoe {

namespace detail {

/// The weights of one checkpoint, compared with what a model of its config needs.
class official_weights {
 public:
  official_weights(const official_files& files, const official_config& config)
      : where_("weights " + in_quotes(files.weights.string(), 4096)), what_(describe(config)), file_(files.weights) {
    // Before anything is built: numbers that the file cannot mean must not cost their memory.
    const auto tensors = static_cast<index_t>(file_.tensors().size());
    const sizes& s = config.shape;
    require<file_error>(s.layers <= tensors / 8, where_, ": has ", tensors,
                        " tensors, too few for the config's n_layer = ", s.layers);
    require<file_error>(config.moe_layers.empty() || s.experts <= tensors / 2, where_, ": has ", tensors,
                        " tensors, too few for the config's ", s.experts, " experts");
  }

  /// Fills the parameters of a model that was built for its shapes only.
  template <class Model>
  void fill(Model& model) {
    using B = typename Model::backend_type;
    std::vector<official_tensor<B>> tensors;
    each_official_tensor(model, [&](const official_tensor<B>& t) {
      if (t.name != official_head || file_.contains(official_head)) tensors.push_back(t);
    });
    check_names(tensors);
    for (const auto& t : tensors) check_form(t.name, t.shape);
    for (const auto& t : tensors)
      if (t.repeats()) check_copy(t.name, t.first_name);

    model.each_parameter([](parameter<B>& p) { p.value() = matrix<B>(p.rows(), p.cols()); });
    for (const auto& t : tensors)
      if (!t.repeats()) t.unpack(file_.read<typename B::scalar>(t.name), t.holder->value());
  }

 private:
  template <class Tensors>
  void check_names(const Tensors& tensors) const {
    std::set<std::string_view> expected;
    for (const auto& t : tensors) {
      expected.insert(t.name);
      if (!file_.contains(t.name))
        throw file_error(
            concat(where_, ": has no tensor ", in_quotes(t.name), ", which the config, ", what_, ", needs"));
    }
    for (const tensor_entry& found : file_.tensors())
      if (!expected.contains(found.name))
        throw file_error(concat(where_, ": has the tensor ", in_quotes(found.name), ", which the config, ", what_,
                                ", does not expect"));
  }

  void check_form(const std::string& name, const std::vector<index_t>& shape) const {
    const tensor_entry& found = file_.entry(name);
    require<file_error>(found.shape == shape, where_, ": tensor '", name, "' has shape ", shape_text(found.shape),
                        ", expected ", shape_text(shape));
    require<file_error>(facts(found.type).floating, where_, ": tensor '", name, "' holds ", facts(found.type).name,
                        ", expected F16, BF16, F32 or F64");
  }

  void check_copy(const std::string& name, const std::string& first) const {
    bool equal;
    if (file_.entry(name).type == file_.entry(first).type) {
      const auto a = file_.bytes(name), b = file_.bytes(first);
      equal = std::memcmp(a.data(), b.data(), a.size()) == 0;
    } else {
      equal = file_.read<double>(name) == file_.read<double>(first);
    }
    require<file_error>(equal, where_, ": tensor '", name, "' differs from '", first, "', expected equal copies");
  }

  std::string where_, what_;
  safetensors_file file_;
};

/// The number of a config that belongs to a number of a card; nothing where the config says nothing of it.
inline std::optional<std::string> official_number(const official_config& c, std::string_view path) {
  if (path == "placement.blocks") return to_text(c.moe_layers);
  if (path == "balance.alpha") return to_text(c.aux_alpha);
  if (path == "capacity.factor") return to_text(c.capacity_factor);
  if (path == "select.k" && c.top_k > 0) return to_text(c.top_k);
  return std::nullopt;
}

/// Gives a card, whose settings these are, the config's numbers.
inline void read_official_numbers(const official_config& c, const std::vector<setting>& settings) {
  for (const setting& s : settings)
    if (const auto text = official_number(c, s.path())) s.read(*text);
}

/// The numbers of a config that the card has no use for.
inline std::map<std::string, double> official_numbers_unread(const official_config& c,
                                                             const std::vector<setting>& settings) {
  std::map<std::string, double> unread{{"aux_alpha", c.aux_alpha}, {"capacity_factor", c.capacity_factor}};
  for (const setting& s : settings) {
    if (s.path() == "balance.alpha") unread.erase("aux_alpha");
    if (s.path() == "capacity.factor") unread.erase("capacity_factor");
  }
  return unread;
}

/// Fills the model that make(card) builds for its shapes only, of the card with the config's numbers.
template <class Card>
auto build_official(const official_files& files, const official_config& config, Card card, auto&& make) {
  official_weights weights(files, config);
  try {
    const std::vector<setting> settings = settings_of(card);
    read_official_numbers(config, settings);
    for (index_t b = 0; b < config.shape.layers; ++b) {
      const bool expected = std::binary_search(config.moe_layers.begin(), config.moe_layers.end(), b);
      require(expected == has_mixture(card, config.shape, b), "block ", b,
              expected ? " has a router" : " has no router", ", but the card's placement says otherwise");
    }
    auto model = make(card);
    weights.fill(*model);
    model->set_unread_numbers(official_numbers_unread(config, settings));
    return model;
  } catch (const config_error& e) {
    throw file_error(concat("config ", in_quotes(files.config.string(), 4096), ": ", e.what()));
  }
}

/// What a card is, in the config's words.
inline official_config official_switches(const official_form& form) {
  official_config c;
  c.kind = form.kind;
  if (form.kind == official_kind::gmoe) {
    c.local_expert = form.local_expert;
    c.prev_logits = form.prev_logits;
    c.router_state = form.router_state;
  }
  return c;
}

/// The card of a config, without its numbers.
inline any_card official_card_named_by(const official_config& c) {
  const auto of_gmoe = static_cast<std::size_t>(4 * c.local_expert + 2 * c.prev_logits + c.router_state);
  const std::string_view name = c.kind == official_kind::gmoe      ? official_cards::texts[of_gmoe].name
                                : c.kind == official_kind::switch_ ? official_switch_card::text.name
                                : c.kind == official_kind::gshard  ? official_gshard_card::text.name
                                                                   : official_dense_card::text.name;
  return make_card<official_cards>(name);
}

}  // namespace detail

/// The model of a checkpoint whose variant is known. Copies of shared tensors must be equal, lm_head.weight may be
/// absent; weights may be F16, BF16, F32 or F64. Throws file_error if the checkpoint is of another variant, or does not
/// hold exactly the tensors of its config.
template <class Card, class B>
requires official<Card> && backend<B> language_model<Card, B> load_official(const official_files& files) {
  const official_config config = read_official_config(files.config);
  const std::string found = describe(config), expected = describe(detail::official_switches(official_card<Card>::form));
  require<file_error>(found == expected, "config ", in_quotes(files.config.string(), 4096), ": is ", found,
                      ", expected ", expected);
  return std::move(*detail::build_official(files, config, Card{}, [&](const Card& card) {
    return std::make_unique<language_model<Card, B>>(config.shape, card, 0, build_mode::shapes_only);
  }));
}
template <class Card, class B>
requires official<Card> && backend<B> language_model<Card, B> load_official(const std::filesystem::path& folder) {
  return load_official<Card, B>(official_files(folder));
}

/// The same of whatever official variant the checkpoint is: its card is one of official_cards.
template <class B>
requires backend<B> std::unique_ptr<any_model<B>> load_official(const official_files& files) {
  const official_config config = read_official_config(files.config);
  return detail::build_official(files, config, detail::official_card_named_by(config), [&](const any_card& card) {
    return make_model<B, official_cards>(card, config.shape, 0, build_mode::shapes_only);
  });
}
template <class B>
requires backend<B> std::unique_ptr<any_model<B>> load_official(const std::filesystem::path& folder) {
  return load_official<B>(official_files(folder));
}
/// Calls f(any_model<B>&) with it and returns its result.
template <class B, class F>
requires backend<B>
decltype(auto) with_official_model(const official_files& files, F&& f) {
  const auto model = load_official<B>(files);
  return std::forward<F>(f)(*model);
}
template <class B, class F>
requires backend<B>
decltype(auto) with_official_model(const std::filesystem::path& folder, F&& f) {
  return with_official_model<B>(official_files(folder), std::forward<F>(f));
}

}  // namespace gmoe
