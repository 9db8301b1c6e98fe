#pragma once
/// Whether what a file holds for a model's buffers, such as a hash table, can be one.

#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "gmoe/core/error.hpp"
#include "gmoe/io/safetensors_reader.hpp"

namespace gmoe {

/// Looks at every tensor "buffer/<name>" of `file`, each of which must be there. Throws file_error,
/// beginning with `where`, if one cannot be the buffer; changes nothing.
template <class Model>
void check_buffers(const safetensors_file& file, Model& model, std::string_view where) {
  model.each_buffer([&](const auto& buffer) {
    using element = typename std::decay_t<decltype(buffer.value())>::element;
    const auto values = file.template read<element>("buffer/" + buffer.name());
    try {
      buffer.check(std::span<const element>(values));
    } catch (const data_error& e) {
      throw file_error(concat(where, ": tensor 'buffer/", buffer.name(), "': ", e.what()));
    }
  });
}

}  // namespace gmoe
