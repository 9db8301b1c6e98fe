#include "gmoe/io/trace_tokens.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/io/safetensors_writer.hpp"
#include "gmoe/model/any_model.hpp"
#include "io/temp_folder.hpp"

using namespace gmoe;
using gmoe_test::message_of;
using B = cpu<double>;

namespace {

void write(const std::filesystem::path& path, const std::vector<index_t>& shape,
           const std::vector<std::int32_t>& tokens, const std::vector<index_t>& aim_shape = {},
           const std::vector<std::int32_t>& targets = {}) {
  safetensors_writer file;
  file.add("tokens", shape, tokens);
  if (!targets.empty()) file.add("targets", aim_shape, targets);
  file.write(path);
}

}  // namespace

TEST_CASE("io/trace_tokens: any integer type, with or without targets") {
  const gmoe_test::temp_folder folder;
  write(folder / "plain", {2, 3}, {1, 2, 3, 4, 5, 6});
  const trace_tokens plain = trace_tokens::read(folder / "plain");
  CHECK(plain.sequences == 2);
  CHECK(plain.ids == std::vector<std::int64_t>{1, 2, 3, 4, 5, 6});
  CHECK(plain.targets.empty());
  write(folder / "scored", {1, 3}, {1, 2, 3}, {1, 3}, {2, -100, -1});
  const auto model = make_model<B>("switch", {.vocab = 7, .positions = 4, .d_model = 4, .layers = 1, .heads = 1});
  const batch<B> data = trace_tokens::read(folder / "scored").batch_for(*model);
  CHECK(data.size == 1);
  CHECK(data.sequence == 3);
  CHECK(data.scored == 1);
  CHECK(data.targets.to_host() == std::vector<id_type>{2, no_target, no_target});
}

TEST_CASE("io/trace_tokens: what is refused") {
  const gmoe_test::temp_folder folder;
  const auto read = [&](const char* name) {
    return message_of<file_error>([&] { trace_tokens::read(folder / name); });
  };
  write(folder / "flat", {6}, {1, 2, 3, 4, 5, 6});
  CHECK_HAS(read("flat"), "tensor 'tokens' has shape [6], expected [sequences, length]");
  write(folder / "none", {0, 3}, {});
  CHECK_HAS(read("none"), "tensor 'tokens' has shape [0, 3], expected [sequences, length]");
  write(folder / "crooked", {2, 2}, {1, 2, 3, 4}, {4}, {1, 2, 3, 4});
  CHECK_HAS(read("crooked"), "tensor 'targets' has shape [4], expected that of 'tokens', [2, 2]");

  const auto model = make_model<B>("switch", {.vocab = 7, .positions = 4, .d_model = 4, .layers = 1, .heads = 1});
  const auto complaint = [&](const trace_tokens& t) { return message_of<data_error>([&] { t.batch_for(*model); }); };
  CHECK(complaint({1, {1, 7}, {}}) == "tokens: id 7 at position 1 is outside the vocabulary of 7");
  CHECK(complaint({1, {1, -1}, {}}) == "tokens: id -1 at position 1 is outside the vocabulary of 7");
  CHECK(complaint({1, {1, 2}, {1, std::int64_t{1} << 40}}) ==
        "targets: id 1099511627776 at position 1 is outside the vocabulary of 7");
  CHECK(complaint({1, {1, 2, 3, 4, 5}, {}}) == "tokens: sequences of 5 tokens, but the model has 4 positions");
  CHECK(complaint({2, {1, 2, 3}, {}}) ==
        "tokens: 3 ids in 2 sequences, expected sequences of one length, of at least one token");
  CHECK(complaint({1, {1, 2}, {1}}) == "targets: 1 for 2 tokens");
}
