#pragma once
/// Command-line options for every number of a model and of a training run: --d-model, --steps, ... with the help of the
/// library's fields; and --set for those of the cards.

#include <CLI/CLI.hpp>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "command_line.hpp"
#include "gmoe/nn/sizes.hpp"
#include "gmoe/train/recipe.hpp"
#include "session/settings.hpp"

namespace examples {

/// The option of a field: "d_model" is "--d-model".
inline std::string option_name(std::string_view field) {
  std::string name = "--" + std::string(field);
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

/// Whether the command line has that option.
inline bool given(const CLI::App& app, const std::string& option) {
  const CLI::Option* found = find_option(app, option);
  return found != nullptr && found->count() > 0;
}

/// One option per field of `fields`, whose present values are the defaults, under the headline `group`; `without` lists
/// fields that get no option.
template <class Fields>
void add_field_options(CLI::App& app, Fields& fields, const std::string& group,
                       std::initializer_list<std::string_view> without = {}) {
  each_field(fields, [&](const auto& field, auto& value) {
    if (std::find(without.begin(), without.end(), field.name) != without.end()) return;
    app.add_option(option_name(field.name), value, std::string(field.help))->group(group)->capture_default_str();
  });
}

/// Options for the sizes of a model, and --set for the numbers of its card.
inline void add_size_options(CLI::App& app, gmoe::sizes& shape, std::vector<std::string>& card,
                             std::initializer_list<std::string_view> without = {}) {
  add_field_options(app, shape, "Sizes", without);
  app.add_option(
         "--set", card,
         "NAME=VALUE, any number of them: numbers of the variant's card, such as balance.alpha=0.02; below is a "
         "list")
      ->group("Sizes");
}

/// Options for how a model is trained.
inline void add_recipe_options(CLI::App& app, gmoe::recipe& how, std::initializer_list<std::string_view> without = {}) {
  add_field_options(app, how, "Training", without);
}

/// Throws usage_error for numbers that were given although they make no difference to any of `variants`.
inline void refuse_idle_options(const CLI::App& app, const settings& card, const std::vector<std::string>& variants) {
  check_settings(card, variants);
  if (given(app, "--experts") && std::none_of(variants.begin(), variants.end(), has_experts))
    throw usage_error(gmoe::concat("--experts has no effect on ", either(variants)));
}

/// What the command line of a program that makes models has beside its options, see command_line.hpp: --help ends with
/// the numbers of the variants that the option `chosen` names, of all if it is silent.
inline auto variant_extras(const std::string& chosen) {
  return [chosen](CLI::App& app) -> command_line_extras {
    return {[&app, chosen] { return numbers_help(app.get_option(chosen)->results()); }, setting_like};
  };
}

}  // namespace examples
