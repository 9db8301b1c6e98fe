#include "gmoe/io/dtype.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

using gmoe::bfloat16_bits;
using gmoe::convert_elements;
using gmoe::dtype;
using gmoe::half_bits;
using gmoe::index_t;

namespace {

template <class T, class Stored>
std::vector<T> converted(dtype type, const std::vector<Stored>& stored, index_t expected_bad = -1) {
  std::vector<std::byte> shifted(stored.size() * sizeof(Stored) + 1);  // one byte off: nothing is aligned
  std::memcpy(shifted.data() + 1, stored.data(), stored.size() * sizeof(Stored));
  std::vector<T> out(stored.size());
  CHECK(convert_elements(type, shifted.data() + 1, std::span<T>(out)) == expected_bad);
  return out;
}

}  // namespace

TEST_CASE("io/dtype: names and sizes") {
  for (std::size_t i = 0; i < std::size(gmoe::dtype_table); ++i)
    CHECK(gmoe::find_dtype(gmoe::dtype_table[i].name) == static_cast<dtype>(i));
  CHECK_FALSE(gmoe::find_dtype("f32").has_value());
  CHECK_FALSE(gmoe::find_dtype("").has_value());
  CHECK(gmoe::facts(dtype::f64).name == "F64");
  CHECK(gmoe::facts(dtype::bf16).name == "BF16");
  CHECK(gmoe::facts(dtype::bf16).size == 2);
  CHECK(gmoe::facts(dtype::boolean).name == "BOOL");
  CHECK(gmoe::facts(gmoe::dtype_of<float>()).name == "F32");
  CHECK(gmoe::facts(gmoe::dtype_of<double>()).name == "F64");
  CHECK(gmoe::facts(gmoe::dtype_of<std::int64_t>()).name == "I64");
  CHECK(gmoe::facts(gmoe::dtype_of<std::int32_t>()).name == "I32");
  CHECK(gmoe::facts(gmoe::dtype_of<std::uint8_t>()).name == "U8");
}

TEST_CASE("io/dtype: every half is the number that its fields spell") {
  for (int bits = 0; bits < 0x10000; ++bits) {
    const int exponent = (bits >> 10) & 31, fraction = bits & 1023;
    const double sign = bits & 0x8000 ? -1.0 : 1.0;
    const float value = static_cast<float>(half_bits{static_cast<std::uint16_t>(bits)});
    CAPTURE(bits);
    REQUIRE(std::signbit(value) == (sign < 0));
    if (exponent == 31 && fraction != 0) {
      REQUIRE(std::isnan(value));
    } else if (exponent == 31) {
      REQUIRE(value == sign * std::numeric_limits<double>::infinity());
    } else if (exponent == 0) {
      REQUIRE(value == sign * std::ldexp(fraction, -24));
    } else {
      REQUIRE(value == sign * std::ldexp(1024 + fraction, exponent - 25));
    }
  }
}

TEST_CASE("io/dtype: known halves") {
  const auto values = converted<double>(
      dtype::f16, std::vector<std::uint16_t>{0x3C00, 0xC000, 0x7BFF, 0x0400, 0x0001, 0x83FF, 0x8000, 0xFC00});
  CHECK(values[0] == 1.0);
  CHECK(values[1] == -2.0);
  CHECK(values[2] == 65504.0);
  CHECK(values[3] == 0x1p-14);
  CHECK(values[4] == 0x1p-24);
  CHECK(values[5] == -1023 * 0x1p-24);
  CHECK(values[6] == 0.0);
  CHECK(std::signbit(values[6]));
  CHECK(values[7] == -std::numeric_limits<double>::infinity());
}

TEST_CASE("io/dtype: bfloat16") {
  const auto values = converted<float>(
      dtype::bf16, std::vector<std::uint16_t>{0x3F80, 0xC0A0, 0x7F7F, 0x0001, 0x8000, 0x7F80, 0xFF80, 0x7FC0});
  CHECK(values[0] == 1.0f);
  CHECK(values[1] == -5.0f);
  CHECK(values[2] == 0x1.fep127f);
  CHECK(values[3] == 0x1p-133f);  // subnormal
  CHECK(std::signbit(values[4]));
  CHECK(values[5] == std::numeric_limits<float>::infinity());
  CHECK(values[6] == -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(values[7]));
}

TEST_CASE("io/dtype: same type is a copy of the bits, NaN payloads included") {
  const std::vector<std::uint32_t> bits{0x7FC12345, 0x80000000, 0x00000001};
  const auto values = converted<float>(dtype::f32, bits);
  for (std::size_t i = 0; i < bits.size(); ++i) CHECK(std::bit_cast<std::uint32_t>(values[i]) == bits[i]);
}

TEST_CASE("io/dtype: float widens exactly, double rounds to nearest") {
  CHECK(converted<double>(dtype::f32, std::vector<float>{0.1f, -1e-45f}) ==
        std::vector<double>{static_cast<double>(0.1f), -0x1p-149});
  CHECK(converted<float>(dtype::f64, std::vector<double>{1.0 + 0x1p-24, 1.0 + 0x1.8p-24, 1e-60}) ==
        std::vector<float>{1.0f, 1.0f + 0x1p-23f, 0.0f});
}

TEST_CASE("io/dtype: a double that would become infinite is reported, infinity itself is not") {
  const double infinity = std::numeric_limits<double>::infinity();
  const double largest = std::numeric_limits<float>::max();
  CHECK(converted<float>(dtype::f64, std::vector<double>{infinity, -infinity})[1] ==
        -std::numeric_limits<float>::infinity());
  CHECK(std::isnan(converted<float>(dtype::f64, std::vector<double>{std::nan("")})[0]));
  CHECK(converted<float>(dtype::f64, std::vector<double>{std::nextafter(0x1.ffffffp127, 0.0)})[0] == largest);
  converted<float>(dtype::f64, std::vector<double>{1.0, 0x1.ffffffp127}, 1);
  converted<float>(dtype::f64, std::vector<double>{-1e300}, 0);
}

TEST_CASE("io/dtype: integers of every width") {
  using i64s = std::vector<std::int64_t>;
  CHECK(converted<std::int64_t>(dtype::i8, std::vector<std::int8_t>{-128, 127}) == i64s{-128, 127});
  CHECK(converted<std::int64_t>(dtype::u8, std::vector<std::uint8_t>{255}) == i64s{255});
  CHECK(converted<std::int64_t>(dtype::boolean, std::vector<std::uint8_t>{0, 1}) == i64s{0, 1});
  CHECK(converted<std::int64_t>(dtype::i16, std::vector<std::int16_t>{-32768}) == i64s{-32768});
  CHECK(converted<std::int64_t>(dtype::u16, std::vector<std::uint16_t>{65535}) == i64s{65535});
  CHECK(converted<std::int64_t>(dtype::i32, std::vector<std::int32_t>{-1}) == i64s{-1});
  CHECK(converted<std::int64_t>(dtype::u32, std::vector<std::uint32_t>{0xFFFFFFFF}) == i64s{0xFFFFFFFF});
  CHECK(converted<std::int64_t>(dtype::u64, std::vector<std::uint64_t>{7}) == i64s{7});
  CHECK(converted<std::int32_t>(dtype::i64, i64s{-2147483648, 2147483647}) ==
        std::vector<std::int32_t>{-2147483647 - 1, 2147483647});
  CHECK(converted<std::uint8_t>(dtype::i64, i64s{0, 255}) == std::vector<std::uint8_t>{0, 255});
}

TEST_CASE("io/dtype: an integer out of range is reported with its place") {
  converted<std::int32_t>(dtype::i64, std::vector<std::int64_t>{0, 1, 2147483648}, 2);
  converted<std::int32_t>(dtype::u32, std::vector<std::uint32_t>{0x80000000}, 0);
  converted<std::int64_t>(dtype::u64, std::vector<std::uint64_t>{1, ~std::uint64_t{0}}, 1);
  converted<std::uint8_t>(dtype::i8, std::vector<std::int8_t>{5, -1}, 1);
}
