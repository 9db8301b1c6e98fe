#include "gmoe/model/batch.hpp"

#include <doctest/doctest.h>

#include "backends.hpp"

using namespace gmoe;
using ids = std::vector<id_type>;

namespace {
template <class B>
std::string refusal(batch<B>& b, const ids& tokens, const ids& targets, index_t sequences) {
  try {
    b.assign(tokens, targets, sequences, 10);
  } catch (const data_error& e) {
    return e.what();
  }
  return "";
}
}  // namespace

TEST_CASE_TEMPLATE("model/batch: tokens sequence by sequence, with what is to be predicted", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  batch<B> b;
  b.assign(ids{1, 2, 3, 4, 5, 9}, ids{2, 3, no_target, 5, 9, no_target}, 2, 10);
  CHECK(b.size == 2);
  CHECK(b.sequence == 3);
  CHECK(b.scored == 4);
  CHECK(b.tokens.to_host() == ids{1, 2, 3, 4, 5, 9});
  CHECK(b.targets.to_host() == ids{2, 3, no_target, 5, 9, no_target});
  const auto* const memory = b.tokens.data();
  b.assign(ids{0, 0, 0, 0, 0, 1}, {}, 3, 10);  // the same number of tokens: the same memory
  CHECK(b.tokens.data() == memory);
  CHECK(b.sequence == 2);
  CHECK(b.scored == 0);
  CHECK(b.targets.empty());
  const id_matrix<B> held = b.tokens;  // somebody still reads it
  b.assign(ids{7, 7, 7, 7, 7, 7}, {}, 1, 10);
  CHECK(held.to_host() == ids{0, 0, 0, 0, 0, 1});
}

TEST_CASE_TEMPLATE("model/batch: sequences of unequal length", B, GMOE_TEST_MODULE_BACKENDS) {
  batch<B> b;
  const std::vector<index_t> lengths{1, 3};
  b.assign(ids{1, 0, 0, 4, 5, 9}, ids{2, no_target, no_target, 5, 9, no_target}, 2, 10, lengths);
  CHECK(b.valid.count == 4);
  CHECK(b.scored == 3);
  const auto marks = b.valid.mask.to_host();
  CHECK(std::vector<double>(marks.begin(), marks.end()) == std::vector<double>{1, 0, 0, 1, 1, 1});
  b.assign(ids{1, 2, 3, 4, 5, 9}, {}, 2, 10);
  CHECK(b.valid.all());
  const auto refused = [&](const ids& targets, const std::vector<index_t>& l) {
    try {
      b.assign(ids{1, 0, 0, 4, 5, 9}, targets, 2, 10, l);
    } catch (const error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(refused({2, 3, no_target, 5, 9, no_target}, lengths) == "position 1 is padding, but has the target 3");
  CHECK(refused({}, {1}) == "1 lengths for 2 sequences");
  CHECK(refused({}, {1, 4}) == "a sequence of 4 tokens in a batch of sequences of 3");
}

TEST_CASE_TEMPLATE("model/batch: ids are checked before they are used", B, GMOE_TEST_MODULE_BACKENDS) {
  batch<B> b;
  CHECK(refusal(b, {1, 10}, {}, 1) == "token id 10 at position 1 is outside the vocabulary of 10");
  CHECK(refusal(b, {-1, 2}, {}, 1) == "token id -1 at position 0 is outside the vocabulary of 10");
  CHECK(refusal(b, {1, 2}, {2, 10}, 1) == "target id 10 at position 1 is outside the vocabulary of 10");
  CHECK(refusal(b, {1, 2}, {-2, 1}, 1) == "target id -2 at position 0 is outside the vocabulary of 10");
  CHECK(refusal(b, {1, 2}, {2}, 1) == "1 targets for 2 tokens");
  CHECK(refusal(b, {1, 2, 3}, {}, 2) == "a batch of 3 tokens cannot be cut into 2 sequences");
  CHECK(refusal(b, {}, {}, 1) == "a batch of 0 tokens cannot be cut into 1 sequences");
  CHECK(refusal(b, {1}, {}, 0) == "a batch of 1 tokens cannot be cut into 0 sequences");
}
