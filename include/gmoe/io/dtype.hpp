#pragma once
/// The element types of stored tensors, and how their bits become numbers.

#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "gmoe/core/index.hpp"

namespace gmoe {

static_assert(std::endian::native == std::endian::little, "gmoe: tensor files are read as they lie, little-endian");

/// Element types, in the order of `dtype_table`.
enum class dtype : std::uint8_t { f64, i64, u64, f32, i32, u32, f16, bf16, i16, u16, i8, u8, boolean };

/// Name in a file's header and size in bytes of one element type.
struct dtype_facts {
  std::string_view name;
  index_t size;
  bool floating;
};

inline constexpr dtype_facts dtype_table[] = {
    {"F64", 8, true},  {"I64", 8, false}, {"U64", 8, false},  {"F32", 4, true},  {"I32", 4, false},
    {"U32", 4, false}, {"F16", 2, true},  {"BF16", 2, true},  {"I16", 2, false}, {"U16", 2, false},
    {"I8", 1, false},  {"U8", 1, false},  {"BOOL", 1, false},
};

constexpr const dtype_facts& facts(dtype type) { return dtype_table[static_cast<std::size_t>(type)]; }

/// The type of this name, or nothing.
constexpr std::optional<dtype> find_dtype(std::string_view name) {
  for (std::size_t i = 0; i < std::size(dtype_table); ++i)
    if (dtype_table[i].name == name) return static_cast<dtype>(i);
  return std::nullopt;
}

/// What tensors are read to and written from: float, double, std::int64_t, std::int32_t, std::uint8_t.
template <class T>
concept tensor_scalar = std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, std::int64_t> ||
    std::same_as<T, std::int32_t> || std::same_as<T, std::uint8_t>;

/// The stored type that holds a T bit by bit.
template <tensor_scalar T>
constexpr dtype dtype_of() {
  if constexpr (std::same_as<T, double>)
    return dtype::f64;
  else if constexpr (std::same_as<T, float>)
    return dtype::f32;
  else if constexpr (std::same_as<T, std::int64_t>)
    return dtype::i64;
  else if constexpr (std::same_as<T, std::int32_t>)
    return dtype::i32;
  else
    return dtype::u8;
}

/// IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. Every value is a float; NaN keeps its payload.
struct half_bits {
  std::uint16_t bits;
  constexpr explicit operator float() const {
    const std::uint32_t sign = std::uint32_t{bits & 0x8000u} << 16;
    const std::uint32_t exponent = (bits >> 10) & 31u, fraction = bits & 0x3FFu;
    if (exponent == 0) {  // zero and subnormals: fraction * 2^-24
      const float magnitude = static_cast<float>(fraction) * 0x1.0p-24f;
      return sign ? -magnitude : magnitude;
    }
    const std::uint32_t wide = exponent == 31 ? 255u : exponent + (127 - 15);
    return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
  }
};

/// bfloat16: the upper half of a float.
struct bfloat16_bits {
  std::uint16_t bits;
  constexpr explicit operator float() const { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
};

namespace detail {

template <class Stored>
constexpr auto stored_value(Stored stored) {
  if constexpr (std::is_arithmetic_v<Stored>)
    return stored;
  else
    return static_cast<float>(stored);
}

template <class T, class Number>
bool element_fits(Number value) {
  if constexpr (std::is_integral_v<T>)
    return std::in_range<T>(value);
  else if constexpr (sizeof(T) >= sizeof(Number))
    return true;
  // Rounded to nearest, everything from here up would become infinite.
  else
    return !std::isfinite(value) || std::abs(value) < 0x1.ffffffp127;
}

template <class Stored, class T>
index_t convert_stored(const std::byte* source, std::span<T> out) {
  if constexpr (std::same_as<Stored, T>) {
    if (!out.empty()) std::memcpy(out.data(), source, out.size_bytes());
  } else {
    for (std::size_t i = 0; i < out.size(); ++i) {
      Stored stored;  // the source may be misaligned
      std::memcpy(&stored, source + i * sizeof(Stored), sizeof(Stored));
      const auto value = stored_value(stored);
      if (!element_fits<T>(value)) return static_cast<index_t>(i);
      out[i] = static_cast<T>(value);
    }
  }
  return -1;
}

}  // namespace detail

/// Reads out.size() elements of `type` at `source` (any alignment). Exact, except that F64 to float rounds to nearest.
/// Returns -1, or the position of the first element that T cannot hold: an integer out of range, or a finite F64
/// beyond float. `type` must be a floating type for float and double, an integer type otherwise (BOOL: its byte).
template <tensor_scalar T>
index_t convert_elements(dtype type, const std::byte* source, std::span<T> out) {
  if constexpr (std::is_floating_point_v<T>) {
    switch (type) {
      case dtype::f64:
        return detail::convert_stored<double>(source, out);
      case dtype::f32:
        return detail::convert_stored<float>(source, out);
      case dtype::f16:
        return detail::convert_stored<half_bits>(source, out);
      case dtype::bf16:
        return detail::convert_stored<bfloat16_bits>(source, out);
      default:
        return 0;
    }
  } else {
    switch (type) {
      case dtype::i64:
        return detail::convert_stored<std::int64_t>(source, out);
      case dtype::u64:
        return detail::convert_stored<std::uint64_t>(source, out);
      case dtype::i32:
        return detail::convert_stored<std::int32_t>(source, out);
      case dtype::u32:
        return detail::convert_stored<std::uint32_t>(source, out);
      case dtype::i16:
        return detail::convert_stored<std::int16_t>(source, out);
      case dtype::u16:
        return detail::convert_stored<std::uint16_t>(source, out);
      case dtype::i8:
        return detail::convert_stored<std::int8_t>(source, out);
      case dtype::u8:
      case dtype::boolean:
        return detail::convert_stored<std::uint8_t>(source, out);
      default:
        return 0;
    }
  }
}

}  // namespace gmoe
