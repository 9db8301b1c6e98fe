#pragma once
/// Sizes and recipes as JSON.

#include <nlohmann/json.hpp>
#include <string>

#include "gmoe/core/field.hpp"

namespace examples {

/// {"d_model": 128, ...}: every field of `fields`.
template <class Fields>
nlohmann::json fields_json(const Fields& fields) {
  nlohmann::json object = nlohmann::json::object();
  gmoe::each_field(fields, [&](const auto& field, const auto& value) { object[std::string(field.name)] = value; });
  return object;
}

}  // namespace examples
