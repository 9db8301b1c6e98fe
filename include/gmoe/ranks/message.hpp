#pragma once
/// Values as bytes, for other ranks of the same program.

#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "gmoe/core/error.hpp"
#include "gmoe/ranks/communicator.hpp"

namespace gmoe::ranks {

/// What is put into it comes out in the same order.
class message {
 public:
  message() = default;
  explicit message(bytes from) : data_(from.begin(), from.end()) {}

  template <class T>
  requires std::is_trivially_copyable_v<T>
  void put(const T& value) { put(std::span(&value, 1)); }
  template <class T>
  void put(std::span<const T> values) {
    const bytes b = std::as_bytes(values);
    data_.insert(data_.end(), b.begin(), b.end());
  }
  void put_text(std::string_view text) {
    put(text.size());
    put(std::span<const char>(text));
  }

  template <class T>
  T take() {
    T value;
    take_into(std::span(&value, 1));
    return value;
  }
  template <class T>
  std::vector<T> take_many(std::size_t count) {
    require_left(count, sizeof(T));
    std::vector<T> values(count);
    take_into(std::span(values));
    return values;
  }
  std::string take_text() {
    const std::vector<char> text = take_many<char>(take<std::size_t>());
    return {text.begin(), text.end()};
  }

  bytes data() const { return data_; }
  bool at_end() const { return at_ == data_.size(); }

 private:
  void require_left(std::size_t count, std::size_t size) const {
    require<rank_error>(count <= (data_.size() - at_) / size, "a message of ", data_.size(),
                        " bytes ends before what is expected in it: the ranks do not run the same program");
  }
  template <class T>
  void take_into(std::span<T> to) {
    require_left(to.size(), sizeof(T));
    if (!to.empty()) std::memcpy(to.data(), data_.data() + at_, to.size_bytes());
    at_ += to.size_bytes();
  }

  std::vector<std::byte> data_;
  std::size_t at_ = 0;
};

}  // namespace gmoe::ranks
