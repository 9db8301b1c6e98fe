#include "settings.hpp"

#include <algorithm>
#include <variant>

#include "../command_line.hpp"
#include "gmoe/io/in_quotes.hpp"
#include "gmoe/model/registry.hpp"

namespace examples {

namespace {

/// One number of a card.
struct number {
  std::string name, value, help, takes;
};

std::vector<number> numbers_of(const std::string& variant, const settings& changes = {}) {
  std::vector<number> all;
  gmoe::any_card card = card_with(variant, changes);
  for (const gmoe::setting& s : card.settings()) all.push_back({s.path(), s.text(), std::string(s.help()), s.takes()});
  return all;
}

bool has(const std::string& variant, const std::string& name) { return gmoe::has_setting(card_with(variant), name); }

std::vector<std::string> variant_names() {
  std::vector<std::string> names;
  for (const gmoe::card_text& t : gmoe::all_cards::texts) names.emplace_back(t.name);
  return names;
}

std::vector<std::string> those_with(const std::vector<std::string>& variants, const std::string& name) {
  std::vector<std::string> found;
  for (const std::string& v : variants)
    if (has(v, name)) found.push_back(v);
  return found;
}

/// Every name once.
std::vector<std::string> names_of(const std::vector<std::string>& variants) {
  std::vector<std::string> all;
  for (const std::string& v : variants)
    for (const number& n : numbers_of(v))
      if (std::find(all.begin(), all.end(), n.name) == all.end()) all.push_back(n.name);
  return all;
}

/// A number that none of the variants has.
[[noreturn]] void refuse(const std::string& name, const std::vector<std::string>& variants) {
  const std::vector<std::string> users = those_with(variant_names(), name);
  if (!users.empty())
    throw usage_error(
        gmoe::concat("--set ", name, " has no effect on ", either(variants), "; it is for ", either(users)));
  std::vector<std::string> names = names_of(variants);
  if (names.empty())
    throw usage_error(gmoe::concat("--set ", gmoe::in_quotes(name), ": there is no such number; ", together(variants),
                                   variants.size() == 1 ? " has none" : " have none"));
  const std::string hint = detail::meant(name, names);
  throw usage_error(gmoe::concat("--set ", gmoe::in_quotes(name), ": there is no such number",
                                 hint.empty() ? "; there " : hint + " There ", names.size() == 1 ? "is " : "are ",
                                 together(names)));
}

}  // namespace

settings read_settings(const std::vector<std::string>& given) {
  settings all;
  for (const std::string& text : given) {
    const std::size_t equals = text.find('=');
    if (equals == text.npos || equals == 0)
      throw usage_error(
          gmoe::concat("--set is ", gmoe::in_quotes(text), ", expected NAME=VALUE such as balance.alpha=0.02"));
    setting s{text.substr(0, equals), text.substr(equals + 1)};
    if (std::any_of(all.begin(), all.end(), [&](const setting& other) { return other.name == s.name; }))
      throw usage_error(gmoe::concat("--set ", gmoe::in_quotes(s.name), " was given twice"));
    all.push_back(std::move(s));
  }
  return all;
}

void check_settings(const settings& given, const std::vector<std::string>& variants) {
  for (const setting& s : given) {
    const std::vector<std::string> users = those_with(variants, s.name);
    if (users.empty()) refuse(s.name, variants);
    try {
      for (const std::string& v : users) numbers_of(v, {s});
    } catch (const gmoe::config_error& e) {
      throw usage_error(gmoe::concat("--set ", e.what()));
    }
  }
}

settings settings_for(const std::string& variant, const settings& given) {
  settings mine;
  for (const setting& s : given)
    if (has(variant, s.name)) mine.push_back(s);
  return mine;
}

settings changed(settings before, const settings& given) {
  for (const setting& s : given) {
    const auto old = std::find_if(before.begin(), before.end(), [&](const setting& b) { return b.name == s.name; });
    if (old != before.end())
      *old = s;
    else
      before.push_back(s);
  }
  return before;
}

nlohmann::json card_json(const std::string& variant, const settings& changes) {
  nlohmann::json all = nlohmann::json::object();
  gmoe::any_card card = card_with(variant, changes);
  for (const gmoe::setting& s : card.settings())
    std::visit([&](const auto& value) { all[s.path()] = value; }, s.value());
  return all;
}

std::string numbers_text(const std::string& variant, const settings& changes) {
  std::string text;
  for (const number& n : numbers_of(variant, changes))
    text += (text.empty() ? "" : ", ") + n.name + " = " + (n.value.empty() ? "none" : n.value);
  return text;
}

std::string numbers_help(std::vector<std::string> variants) {
  const std::vector<std::string> known = variant_names();
  const auto unknown = [&](const std::string& v) { return std::find(known.begin(), known.end(), v) == known.end(); };
  if (variants.empty() || std::any_of(variants.begin(), variants.end(), unknown)) variants = known;
  std::string text = gmoe::concat("Numbers of ", variants.size() == known.size() ? "the variants" : together(variants),
                                  ", for --set NAME=VALUE (and what they are if nothing is said):\n");
  for (const std::string& name : names_of(variants)) {
    // Who has which value, in the order of the variants.
    std::vector<std::pair<std::string, std::vector<std::string>>> values;
    number about;
    for (const std::string& v : those_with(variants, name))
      for (const number& n : numbers_of(v)) {
        if (n.name != name) continue;
        about = n;
        const auto same = [&](const auto& other) { return other.first == n.value; };
        auto at = std::find_if(values.begin(), values.end(), same);
        if (at == values.end()) at = values.insert(at, {n.value, {}});
        at->second.push_back(v);
      }
    std::string start = "  " + name;
    start.resize(std::max<std::size_t>(start.size() + 2, 28), ' ');
    text += start + about.help + "; " + about.takes;
    if (variants.size() == 1) {
      text += " (" + values.front().first + ")\n";
      continue;
    }
    text += "\n";
    for (const auto& [value, who] : values) text += std::string(30, ' ') + value + ": " + together(who, ", ") + "\n";
  }
  return text;
}

std::string setting_like(std::string_view option) {
  const auto dashed = [](std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return c == '.' || c == '_'; }, '-');
    return text;
  };
  const std::string words(option.substr(std::min(option.find_first_not_of('-'), option.size())));
  for (const std::string& name : names_of(variant_names()))
    if (!words.empty() && (dashed(name) == words || dashed(name).ends_with("-" + words)))
      return "--set " + name + "=VALUE";
  return "";
}

bool has_experts(const std::string& variant) { return card_with(variant).has_experts(); }

}  // namespace examples
