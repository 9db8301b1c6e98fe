#include "gmoe/io/trace_file.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "gmoe/io/safetensors_reader.hpp"
#include "io/temp_folder.hpp"

using gmoe::index_t;
using gmoe::trace_file;

TEST_CASE("io/trace_file: numbers as F64, whole numbers as I64, whatever the model computes in") {
  const gmoe_test::temp_folder folder;
  trace_file<float> out;
  std::vector<float> many(2500);  // more than one chunk
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<float>(i) / 7;
  out.add("many", {50, 50}, many);
  out.add("scalar", {}, {0.1f});
  out.add("empty", {0, 3}, {});
  out.add_exact("exact", {1}, {0.1});
  out.add_integers("ids", {2, 1}, {-1, std::int64_t{1} << 40});
  out.write(folder / "t.safetensors");

  const gmoe::safetensors_file in(folder / "t.safetensors");
  CHECK(in.tensors().size() == 5);
  CHECK(in.entry("many").type == gmoe::dtype::f64);
  CHECK(in.entry("many").shape == std::vector<index_t>{50, 50});
  CHECK(in.read<double>("many") == std::vector<double>(many.begin(), many.end()));
  CHECK(in.entry("scalar").shape.empty());
  CHECK(in.read<double>("scalar") == std::vector<double>{static_cast<double>(0.1f)});
  CHECK(in.entry("empty").elements() == 0);
  CHECK(in.read<double>("exact") == std::vector<double>{0.1});
  CHECK(in.entry("ids").type == gmoe::dtype::i64);
  CHECK(in.read<std::int64_t>("ids") == std::vector<std::int64_t>{-1, std::int64_t{1} << 40});
}

TEST_CASE("io/trace_file: a name can be given once") {
  const gmoe_test::temp_folder folder;
  trace_file<double> out;
  out.add("x", {}, {1});
  out.add_exact("x", {}, {2});
  CHECK_THROWS_AS(out.write(folder / "t.safetensors"), gmoe::config_error);
  CHECK(folder.count() == 0);
}
