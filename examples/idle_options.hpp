#pragma once
/// Sizes and variants on one command line: options without effect are refused, and what a variant takes where the
/// command line is silent.

#include <CLI/CLI.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "command_line.hpp"
#include "gmoe/core/error.hpp"
#include "gmoe/nn/sizes.hpp"
#include "options.hpp"
#include "session/session.hpp"

namespace examples {

/// Whether the command line sets the option of a field.
inline bool given(const CLI::App& app, std::string_view field) {
  const CLI::Option* option = app.get_option_no_throw(option_name(field));
  return option != nullptr && option->count() > 0;
}

/// Throws config_error for a size that was given although it makes no difference to any of `variants`.
inline void refuse_idle_options(const CLI::App& app, const std::vector<std::string>& variants) {
  const gmoe::sizes names;
  each_field(names, [&](const char* field, const auto&) {
    const auto uses = [&](const std::string& v) { return uses_size(v, field); };
    if (!given(app, field) || std::any_of(variants.begin(), variants.end(), uses)) return;
    std::vector<std::string> users;
    for (const variant_entry& v : all_variants())
      if (uses(v.name)) users.push_back(v.name);
    throw gmoe::config_error(gmoe::concat(
        option_name(field), " has no effect on ", either(variants),
        users.empty() ? std::string(", nor on any other variant of this program") : "; it is for " + either(users)));
  });
}

/// Experts that are split in one part are whole ones, and gmoe-fine-grained would be gmoe: unless the command line says
/// otherwise, it splits them in two.
inline gmoe::sizes sizes_for(const CLI::App& app, const std::string& variant, gmoe::sizes shape) {
  if (variant == "gmoe-fine-grained" && !given(app, "granularity")) shape.granularity = 2;
  return shape;
}

}  // namespace examples
