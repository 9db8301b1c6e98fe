#pragma once
/// Numbers of the cards on command lines: `--set balance.alpha=0.02` reaches every field of every policy by name.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "../usage_error.hpp"
#include "gmoe/model/any_card.hpp"

namespace examples {

/// "balance.alpha" and "0.02".
struct setting {
  std::string name, value;
};
using settings = std::vector<setting>;

/// The texts that --set was given. Throws usage_error for one that is not NAME=VALUE, and for a name that comes twice.
settings read_settings(const std::vector<std::string>& given);

/// Throws usage_error unless every name is a number of one of these variants at least, with a value that it may have.
/// Unknown variants are config_errors.
void check_settings(const settings& given, const std::vector<std::string>& variants);

/// Those of them that the variant has.
settings settings_for(const std::string& variant, const settings& given);

/// `given` in the place of those of `before`.
settings changed(settings before, const settings& given);

/// The variant's card with these numbers. Throws config_error for one that it does not have.
gmoe::any_card card_with(const std::string& variant, const settings& changes = {});

/// Every number of the variant's card as JSON, those of `changes` changed: {"balance.alpha": 0.02, ...}.
nlohmann::json card_json(const std::string& variant, const settings& changes);

/// "select.k = 1, balance.alpha = 0.02"; empty if the card has no number.
std::string numbers_text(const std::string& variant, const settings& changes);

/// For --help: the numbers of these variants, what they are, what they may be, and what they are if nothing is said.
/// Of all variants if there are none, or if one of them is unknown.
std::string numbers_help(std::vector<std::string> variants);

/// What was meant by an option that does not exist: "--set balance.alpha=VALUE" for "--balance-alpha" or "--alpha";
/// empty if it is no number's name.
std::string setting_like(std::string_view option);

/// Whether models of the variant have experts to route to.
bool has_experts(const std::string& variant);

}  // namespace examples
