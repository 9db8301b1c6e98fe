#include "gmoe/io/safetensors.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <deque>
#include <numeric>
#include <string>
#include <variant>
#include <vector>

#include "io/temp_folder.hpp"

using gmoe::dtype;
using gmoe::index_t;
using gmoe::safetensors_file;
using gmoe::safetensors_writer;
using gmoe_test::temp_folder;

namespace {

const std::filesystem::path golden = std::filesystem::path(GMOE_TESTS_DIR) / "golden";

std::vector<std::filesystem::path> golden_safetensors() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(golden))
    if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
  return files;
}

}  // namespace

TEST_CASE("io/safetensors: a golden model's weights") {
  const safetensors_file file(golden / "gmoe_tiny.weights.safetensors");
  const auto& embedding = file.entry("transformer.wte.weight");
  CHECK(embedding.type == dtype::f32);
  CHECK(embedding.shape == std::vector<index_t>{61, 16});
  const auto values = file.read<float>("transformer.wte.weight");
  CHECK(values.size() == 61 * 16);
  CHECK(values == file.read<float>("lm_head.weight"));  // tied
  CHECK(std::any_of(values.begin(), values.end(), [](float x) { return x != 0.0f; }));
  CHECK(std::all_of(values.begin(), values.end(), [](float x) { return std::abs(x) < 10.0f; }));
  CHECK_FALSE(file.metadata().empty());
}

TEST_CASE("io/safetensors: a golden model's results agree with each other") {
  const safetensors_file file(golden / "gmoe_tiny.expect.safetensors");
  CHECK(file.entry("total_loss").shape.empty());
  const double total = file.read<double>("total_loss").at(0);
  CHECK(total ==
        doctest::Approx(file.read<double>("lm_loss").at(0) + file.read<double>("aux_loss").at(0)).epsilon(1e-14));
  for (std::int32_t token : file.read<std::int32_t>("tokens")) CHECK((token >= 0 && token < 61));
  const auto probabilities = file.read<double>("layer0/router_probs");
  const auto shape = file.entry("layer0/router_probs").shape;
  REQUIRE(shape == std::vector<index_t>{24, 4});
  const auto chosen = file.read<std::int64_t>("layer0/top1_idx");
  const auto weight = file.read<double>("layer0/top1_prob");
  for (std::size_t row = 0; row < 24; ++row) {
    const auto begin = probabilities.begin() + static_cast<index_t>(row) * 4;
    CHECK(std::accumulate(begin, begin + 4, 0.0) == doctest::Approx(1.0).epsilon(1e-14));
    CHECK(std::max_element(begin, begin + 4) - begin == chosen[row]);
    CHECK(begin[chosen[row]] == weight[row]);
  }
}

TEST_CASE("io/safetensors: every golden file opens, and its data survives a round trip bit by bit") {
  const auto files = golden_safetensors();
  REQUIRE(files.size() == 17);
  const temp_folder folder;
  for (const auto& path : files) {
    CAPTURE(path.string());
    const safetensors_file original(path);
    std::deque<std::variant<std::vector<float>, std::vector<double>, std::vector<std::int64_t>>> values;
    safetensors_writer writer;
    for (const auto& [key, value] : original.metadata()) writer.set_metadata(key, value);
    for (const auto& tensor : original.tensors()) {
      if (tensor.type == dtype::f32)
        values.emplace_back(original.read<float>(tensor.name));
      else if (tensor.type == dtype::f64)
        values.emplace_back(original.read<double>(tensor.name));
      else
        values.emplace_back(original.read<std::int64_t>(tensor.name));
      std::visit([&](const auto& data) { writer.add(tensor.name, tensor.shape, data); }, values.back());
    }
    writer.write(folder / "copy");
    const safetensors_file copy(folder / "copy");
    CHECK(copy.metadata() == original.metadata());
    REQUIRE(copy.tensors().size() == original.tensors().size());
    for (const auto& tensor : original.tensors()) {
      CHECK(copy.entry(tensor.name).type == tensor.type);
      CHECK(copy.entry(tensor.name).shape == tensor.shape);
      CHECK(std::ranges::equal(copy.bytes(tensor.name), original.bytes(tensor.name)));
    }
  }
}

TEST_CASE("io/safetensors: every written type and awkward names come back") {
  const temp_folder folder;
  const std::vector<float> f{-0.0f, 1e-45f, INFINITY};
  const std::vector<double> d{5e-324};
  const std::vector<std::int64_t> l{INT64_MIN, INT64_MAX};
  const std::vector<std::int32_t> i{INT32_MIN};
  const std::vector<std::uint8_t> u{0, 255};
  const std::string awkward("quote\" back\\slash \n\0 \xc3\xa9", 23);
  safetensors_writer writer;
  writer.add("", {3}, f);
  writer.add(awkward, {}, d);
  writer.add("l", {2, 1}, l);
  writer.add("i", {1}, i);
  writer.add("u", {1, 2}, u);
  writer.set_metadata(awkward, awkward);
  writer.write(folder / "m");
  const safetensors_file file(folder / "m");
  CHECK(file.read<float>("") == f);
  CHECK(std::signbit(file.read<float>("")[0]));
  CHECK(file.read<double>(awkward) == d);
  CHECK(file.read<std::int64_t>("l") == l);
  CHECK(file.read<std::int32_t>("i") == i);
  CHECK(file.read<std::uint8_t>("u") == u);
  CHECK(file.metadata().at(awkward) == awkward);
}

TEST_CASE("io/safetensors: a file can be rewritten while it is open") {
  const temp_folder folder;
  std::vector<float> data(5000, 1.0f);
  safetensors_writer writer;
  writer.add("w", {50, 100}, data);
  writer.write(folder / "m");
  const safetensors_file old(folder / "m");
  data.assign(5000, 2.0f);
  writer.write(folder / "m");
  CHECK(old.read<float>("w") == std::vector<float>(5000, 1.0f));
  CHECK(safetensors_file(folder / "m").read<float>("w") == data);
  CHECK(folder.count() == 1);
}
