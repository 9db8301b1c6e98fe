#pragma once
/// Loading published checkpoints.

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gmoe/backend/contract.hpp"
#include "gmoe/core/error.hpp"
#include "gmoe/io/official_config.hpp"
#include "gmoe/io/official_files.hpp"
#include "gmoe/io/official_tensors.hpp"
#include "gmoe/io/safetensors_reader.hpp"
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

/// The card with a config's numbers.
template <class Card>
Card official_card_of(const official_config& c) {
  Card card{};
  if constexpr (std::is_same_v<answer<Card, slots::placement>, listed_blocks>) card.placement.blocks = c.moe_layers;
  if constexpr (official_card<Card>::kind() != official_kind::dense) {
    card.balance.alpha = c.aux_alpha;
    if (c.top_k > 0) card.select.k = c.top_k;
    if constexpr (requires { card.capacity.factor; }) card.capacity.factor = c.capacity_factor;
  }
  return card;
}

/// The numbers of a config that the card has no use for.
template <class Card>
std::map<std::string, double> official_numbers_unread(const official_config& c) {
  std::map<std::string, double> unread;
  if constexpr (official_card<Card>::kind() == official_kind::dense) unread["aux_alpha"] = c.aux_alpha;
  if constexpr (official_card<Card>::kind() == official_kind::dense || !requires(Card card) { card.capacity.factor; })
    unread["capacity_factor"] = c.capacity_factor;
  return unread;
}

/// Builds the model of a config that is known to fit the card.
template <class Card, class B>
language_model<Card, B> build_official(const official_files& files, const official_config& config) {
  official_weights weights(files, config);
  const std::string shown = "config " + in_quotes(files.config.string(), 4096);
  try {
    const Card card = official_card_of<Card>(config);
    for (index_t b = 0; b < config.shape.layers; ++b) {
      const bool expected = std::binary_search(config.moe_layers.begin(), config.moe_layers.end(), b);
      require(expected == answer_of<slots::placement>(card).has_experts(config.shape, b), "block ", b,
              expected ? " has a router" : " has no router", ", but the card's placement says otherwise");
    }
    language_model<Card, B> model(config.shape, card, 0, build_mode::shapes_only);
    weights.fill(model);
    model.set_unread_numbers(official_numbers_unread<Card>(config));
    return model;
  } catch (const config_error& e) {
    throw file_error(concat(shown, ": ", e.what()));
  }
}

/// What a card is, in the config's words.
template <class Card>
official_config official_switches() {
  official_config c;
  c.kind = official_card<Card>::kind();
  if constexpr (official_card<Card>::kind() == official_kind::gmoe) {
    c.local_expert = official_card<Card>::has_local_expert;
    c.prev_logits = official_card<Card>::router::has_logits;
    c.router_state = official_card<Card>::router::has_state;
  }
  return c;
}

}  // namespace detail

/// The model of a checkpoint whose variant is known. Copies of shared tensors must be equal, lm_head.weight may be
/// absent; weights may be F16, BF16, F32 or F64. Throws file_error if the checkpoint is of another variant, or does not
/// hold exactly the tensors of its config.
template <class Card, class B>
requires official<Card> && backend<B> language_model<Card, B> load_official(const official_files& files) {
  const official_config config = read_official_config(files.config);
  const std::string found = describe(config), expected = describe(detail::official_switches<Card>());
  require<file_error>(found == expected, "config ", in_quotes(files.config.string(), 4096), ": is ", found,
                      ", expected ", expected);
  return detail::build_official<Card, B>(files, config);
}
template <class Card, class B>
requires official<Card> && backend<B> language_model<Card, B> load_official(const std::filesystem::path& folder) {
  return load_official<Card, B>(official_files(folder));
}

/// Loads a checkpoint of whatever official variant it is: calls f(language_model<Card, B>&) and returns its result.
/// The cards are those of official_card.hpp: f is instantiated for eleven of them.
template <class B, class F>
requires backend<B>
decltype(auto) with_official_model(const official_files& files, F&& f) {
  const official_config c = read_official_config(files.config);
  const auto run = [&]<class Card>() -> decltype(auto) {
    auto model = detail::build_official<Card, B>(files, c);
    return f(model);
  };
  switch (c.kind) {
    case official_kind::switch_:
      return run.template operator()<official_switch_card>();
    case official_kind::gshard:
      return run.template operator()<official_gshard_card>();
    case official_kind::dense:
      return run.template operator()<official_dense_card>();
    case official_kind::gmoe:
      break;
  }
  switch (4 * c.local_expert + 2 * c.prev_logits + c.router_state) {
    case 0:
      return run.template operator()<official_gmoe_card<false, false, false>>();
    case 1:
      return run.template operator()<official_gmoe_card<false, false, true>>();
    case 2:
      return run.template operator()<official_gmoe_card<false, true, false>>();
    case 3:
      return run.template operator()<official_gmoe_card<false, true, true>>();
    case 4:
      return run.template operator()<official_gmoe_card<true, false, false>>();
    case 5:
      return run.template operator()<official_gmoe_card<true, false, true>>();
    case 6:
      return run.template operator()<official_gmoe_card<true, true, false>>();
    default:
      return run.template operator()<official_gmoe_card<true, true, true>>();
  }
}
template <class B, class F>
requires backend<B>
decltype(auto) with_official_model(const std::filesystem::path& folder, F&& f) {
  return with_official_model<B>(official_files(folder), std::forward<F>(f));
}

}  // namespace gmoe
