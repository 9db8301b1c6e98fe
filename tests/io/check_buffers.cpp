#include "gmoe/io/check_buffers.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/io/safetensors_writer.hpp"
#include "gmoe/model/any_model.hpp"
#include "io/temp_folder.hpp"

using namespace gmoe;
using gmoe_test::message_of;
using gmoe_test::temp_folder;

TEST_CASE("io/check_buffers: a file's hash table must name experts that there are") {
  const auto model = make_model<cpu<float>>(
      "hash", {.vocab = 4, .positions = 4, .d_model = 8, .layers = 2, .heads = 2, .d_ff = 8, .experts = 3});
  const temp_folder folder;
  const auto problem = [&](const std::string& name, std::vector<float> table) {
    safetensors_writer out;
    out.add(name, {4, 1}, table);
    out.write(folder / "f");
    return message_of<file_error>([&] { check_buffers(safetensors_file(folder / "f"), *model, "here"); });
  };
  CHECK(problem("buffer/router.bucket", {2, 2, 0, 1}) == "<nothing was thrown>");
  CHECK(problem("buffer/router.bucket", {2, 2, 1e9f, 1}) ==
        "here: tensor 'buffer/router.bucket': router.bucket: entry 2 is 1e+09, expected a whole number from 0 to 2");
  CHECK_HAS(problem("buffer/other", {2, 2, 0, 1}), "has no tensor 'buffer/router.bucket'");
}

TEST_CASE("io/check_buffers: models without buffers need none") {
  const auto model =
      make_model<cpu<float>>("dense", {.vocab = 4, .positions = 4, .d_model = 8, .layers = 1, .heads = 2, .d_ff = 8});
  const temp_folder folder;
  safetensors_writer().write(folder / "f");
  CHECK_NOTHROW(check_buffers(safetensors_file(folder / "f"), *model, "here"));
}
