#include "gmoe/io/trace_replay.hpp"

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

/// A trace of one mixture over three experts: two sequences of one token, two choices each.
struct recorded {
  std::string card = "gmoe";
  std::vector<index_t> shape{2, 1, 2};
  std::vector<std::int64_t> chosen{0, 2, 1, 0}, kept{0, 2, 1, -1};
  std::vector<index_t> kept_shape{2, 1, 2};
  std::vector<index_t> cut_shape{2, 1, 3};
  std::vector<double> cut{1, 2, 3, 4, 5, 6};

  replay<B> read(bool constants) const {
    const gmoe_test::temp_folder folder;
    safetensors_writer file;
    file.add("layer0/chosen", shape, chosen);
    file.add("layer0/kept", kept_shape, kept);
    file.add("layer0/cut/propagated_logits", cut_shape, cut);
    file.write(folder / "t");
    const auto model = make_model<B>(
        card, {.vocab = 7, .positions = 4, .d_model = 4, .layers = 1, .heads = 1, .d_ff = 2, .experts = 3});
    return read_replay(folder / "t", *model, 2, constants);
  }
  std::string complaint() const {
    return message_of<file_error>([&] { read(true); });
  }
};

}  // namespace

TEST_CASE("io/trace_replay: choices, and constants if they are wanted") {
  const replay<B> with = recorded{}.read(true), without = recorded{}.read(false);
  REQUIRE(with.layers.size() == 1);
  CHECK(with.layers[0].experts == 3);
  CHECK(with.layers[0].chosen.rows() == 2);
  CHECK(with.layers[0].chosen.to_host() == std::vector<id_type>{0, 2, 1, 0});
  CHECK(with.layers[0].kept.to_host() == std::vector<id_type>{0, 2, 1, no_choice});
  REQUIRE(with.find_constant("propagated_logits", 0) != nullptr);
  CHECK(with.find_constant("propagated_logits", 0)->to_host() == recorded{}.cut);
  CHECK(without.constants.empty());
}

TEST_CASE("io/trace_replay: choices of parts of tokens, a token's side by side") {
  recorded r;
  r.card = "mh-moe";
  r.chosen = {0, 2, 1, 0};  // a choice for each of two parts, then for those of the next token
  const replay<B> one = r.read(false);
  CHECK(one.layers[0].chosen.rows() == 4);
  CHECK(one.layers[0].chosen.to_host() == std::vector<id_type>{0, 2, 1, 0});
  r.chosen = {0, 2, 0, 1, 1, 2, 2, 0};  // two choices for each
  r.kept = {0, 2, 0, -1, 1, 2, 2, 0};
  r.shape = r.kept_shape = {2, 1, 4};
  const replay<B> two = r.read(false);
  CHECK(two.layers[0].kept.rows() == 4);
  CHECK(two.layers[0].kept.to_host() == std::vector<id_type>{0, 2, 0, no_choice, 1, 2, 2, 0});
  r.chosen[3] = 0;
  CHECK_HAS(r.complaint(), "'layer0/chosen' has expert 0 twice for token 0");
  r.chosen = r.kept = {0, 2, 1, 0, 1, 2};
  r.shape = r.kept_shape = {2, 1, 3};
  CHECK_HAS(r.complaint(), "has 3 choices per token, expected as many for each of its 2 parts");
}

TEST_CASE("io/trace_replay: what is refused") {
  recorded r;
  r.chosen[1] = 3;
  CHECK_HAS(r.complaint(), "'layer0/chosen' has expert 3 at position 1, expected 0 to 2, or -1 for none");
  r.chosen[1] = -2;
  CHECK_HAS(r.complaint(), "has expert -2 at position 1");
  r.chosen[1] = 0;
  CHECK_HAS(r.complaint(), "'layer0/chosen' has expert 0 twice for token 0");
  r = {};
  r.kept = {-1, -1, -1, -1};
  CHECK_HAS(r.complaint(), "<nothing was thrown>");
  r.shape = {2, 2};
  CHECK_HAS(r.complaint(), "has shape [2, 2], expected [sequences, length, choices] of 2 tokens");
  r.shape = {4, 1, 1};
  CHECK_HAS(r.complaint(), "has shape [4, 1, 1]");
  r = {};
  r.chosen.clear();
  r.shape = {2, 1, 0};
  CHECK_HAS(r.complaint(), "has shape [2, 1, 0]");
  r.shape = {index_t{1} << 30, index_t{1} << 29, 0};  // tokens without number, in no bytes
  CHECK_HAS(r.complaint(), "expected [sequences, length, choices] of 2 tokens");
  r = {};
  r.kept = {0, 2};
  r.kept_shape = {2, 1, 1};
  CHECK_HAS(r.complaint(), "have different numbers of choices");
  r = {};
  r.card = "chain-of-experts";
  CHECK_HAS(r.complaint(), "a trace of a card whose form routes several times cannot be replayed");
  r = {};
  r.cut_shape = {6};
  CHECK_HAS(r.complaint(), "has shape [6], expected [sequences, length, columns] of 2 tokens");
}
