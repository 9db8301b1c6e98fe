#include "gmoe/io/official_files.hpp"

#include <doctest/doctest.h>

#include "io/temp_folder.hpp"

using gmoe::file_error;
using gmoe::official_files;
using gmoe_test::message_of;
using gmoe_test::spill;
using gmoe_test::temp_folder;

TEST_CASE("io/official_files: the order of preference") {
  const temp_folder folder;
  spill(folder / "config.json", "{}");
  for (const char* name : {"last_checkpoint.safetensors", "best_checkpoint.safetensors", "model.safetensors"}) {
    spill(folder / name, "");
    const official_files files(folder.path);
    CHECK(files.weights == folder / name);
    CHECK(files.config == folder / "config.json");
  }
}

TEST_CASE("io/official_files: what is missing is named") {
  const temp_folder folder;
  CHECK_HAS(message_of<file_error>([&] { official_files{folder / "nowhere"}; }), "nowhere': there is no such folder");
  CHECK_HAS(message_of<file_error>([&] { official_files{folder.path}; }), "has no config.json");
  spill(folder / "config.json", "{}");
  CHECK_HAS(message_of<file_error>([&] { official_files{folder.path}; }),
            "expected model.safetensors, best_checkpoint.safetensors or last_checkpoint.safetensors");
  CHECK_HAS(message_of<file_error>([&] { official_files{folder / "config.json"}; }), "there is no such folder");
}
