#pragma once
/// Whether what a file holds for a model's buffers, such as a hash table, can be one.

#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "gmoe/core/error.hpp"
#include "gmoe/io/safetensors_reader.hpp"

namespace gmoe {

/// Asks the model about every tensor "buffer/<name>" of `file`, each of which must be there. Throws file_error,
/// beginning with `where`, if the model refuses one; changes nothing.
template <class Model>
void check_buffers(const safetensors_file& file, Model& model, std::string_view where) {
  if constexpr (requires { model.each_buffer([](const std::string&, auto&) {}); })
    model.each_buffer([&](const std::string& name, const auto& buffer) {
      using element = typename std::decay_t<decltype(buffer)>::element;
      const auto values = file.template read<element>("buffer/" + name);
      try {
        if constexpr (requires { model.check_buffer(name, std::span<const element>(values)); })
          model.check_buffer(name, std::span<const element>(values));
      } catch (const data_error& e) {
        throw file_error(concat(where, ": tensor 'buffer/", name, "': ", e.what()));
      }
    });
}

}  // namespace gmoe
