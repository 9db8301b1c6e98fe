#pragma once
/// Writing a safetensors file.

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <ranges>
#include <set>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/core/index.hpp"
#include "gmoe/io/atomic_file.hpp"
#include "gmoe/io/dtype.hpp"
#include "gmoe/io/in_quotes.hpp"
#include "gmoe/io/safetensors_header.hpp"
#include "gmoe/io/tensor_entry.hpp"

namespace gmoe {

/// Takes the next elements of a tensor, in row-major order.
template <tensor_scalar T>
using chunk_sink = std::function<void(std::span<const T>)>;

/// Collects tensors and writes them as one file. No tensor is copied: `add` remembers where the data lies, so it must
/// live until the last `write`, and its values at that time are what is written.
class safetensors_writer {
 public:
  /// Adds a tensor of contiguous host data. Throws config_error if the name is taken or reserved, or if the shape does
  /// not hold exactly data.size() elements; an empty shape is a scalar.
  template <std::ranges::contiguous_range Range>
  requires std::ranges::borrowed_range<Range> && tensor_scalar<std::ranges::range_value_t<Range>>
  void add(std::string name, std::vector<index_t> shape, Range&& data) {
    using T = std::ranges::range_value_t<Range>;
    const std::span<const T> view(std::ranges::data(data), std::ranges::size(data));
    const tensor_entry tensor = make_entry(std::move(name), dtype_of<T>(), std::move(shape));
    require(static_cast<std::size_t>(tensor.elements()) == view.size(), "safetensors: tensor ", in_quotes(tensor.name),
            " has ", view.size(), " elements, its shape ", shape_text(tensor.shape), " needs ", tensor.elements());
    insert(tensor, [view](const byte_sink& sink) { sink(std::as_bytes(view)); });
  }

  /// Adds a tensor that is made piece by piece: at every `write`, `produce` is called with a sink and hands it all the
  /// elements, in as many pieces as it likes. For tensors that do not lie in host memory as a whole.
  template <tensor_scalar T>
  void add_streamed(std::string name, std::vector<index_t> shape, std::function<void(const chunk_sink<T>&)> produce) {
    insert(make_entry(std::move(name), dtype_of<T>(), std::move(shape)),
           [produce = std::move(produce)](const byte_sink& sink) {
             produce([&sink](std::span<const T> chunk) { sink(std::as_bytes(chunk)); });
           });
  }

  /// Sets a note in the file's `__metadata__`.
  void set_metadata(const std::string& key, std::string value) { metadata_[key] = std::move(value); }

  /// Writes the file, whole or not at all: a failure leaves the old file at `path`. Wide types come first, so that
  /// every tensor is aligned to its own size. Throws file_error if the file cannot be written, config_error if a name
  /// is not UTF-8 or a streamed tensor has another size than its shape.
  void write(const std::filesystem::path& path) const {
    std::vector<const item*> order;
    for (const item& i : items_) order.push_back(&i);
    std::sort(order.begin(), order.end(), [](const item* a, const item* b) {
      const auto wide = facts(a->tensor.type).size, narrow = facts(b->tensor.type).size;
      return wide != narrow ? wide > narrow : a < b;
    });

    safetensors_header header{{}, metadata_};
    index_t position = 0;
    for (const item* i : order) {
      tensor_entry tensor = i->tensor;
      tensor.begin = position;
      require(!__builtin_add_overflow(position, tensor.end, &position), "safetensors: the tensors are too large");
      tensor.end = position;
      header.tensors.push_back(std::move(tensor));
    }
    const std::string head = write_safetensors_header(header);

    atomic_write(path, [&](atomic_file& file) {
      file.write(head);
      for (const item* i : order) write_tensor(*i, file);
    });
  }

 private:
  using byte_sink = std::function<void(std::span<const std::byte>)>;

  struct item {
    tensor_entry tensor;  // begins at 0 until the order is known
    std::function<void(const byte_sink&)> produce;
  };

  tensor_entry make_entry(std::string name, dtype type, std::vector<index_t> shape) const {
    require(name != "__metadata__", "safetensors: the name '__metadata__' is reserved");
    require(!names_.contains(name), "safetensors: tensor ", in_quotes(name), " was added twice");
    const index_t bytes = dense_bytes(type, shape);
    require(bytes >= 0, "safetensors: tensor ", in_quotes(name), " has the impossible shape ", shape_text(shape));
    return {std::move(name), type, std::move(shape), 0, bytes};
  }

  void insert(const tensor_entry& tensor, std::function<void(const byte_sink&)> produce) {
    names_.insert(tensor.name);
    items_.push_back({tensor, std::move(produce)});
  }

  static void write_tensor(const item& i, atomic_file& file) {
    index_t written = 0;
    i.produce([&](std::span<const std::byte> chunk) {
      written += static_cast<index_t>(chunk.size());
      check_size(i.tensor, written <= i.tensor.size_bytes(), "more than ", i.tensor.size_bytes());
      file.write(chunk);
    });
    check_size(i.tensor, written == i.tensor.size_bytes(), "only ", written);
  }

  static void check_size(const tensor_entry& tensor, bool ok, const char* how, index_t bytes) {
    require(ok, "safetensors: tensor ", in_quotes(tensor.name), " was given ", how, bytes, " bytes, its shape ",
            shape_text(tensor.shape), " of ", facts(tensor.type).name, " needs ", tensor.size_bytes());
  }

  std::vector<item> items_;
  std::set<std::string> names_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace gmoe
