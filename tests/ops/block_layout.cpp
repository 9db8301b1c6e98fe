#include "gmoe/ops/block_layout.hpp"

#include <doctest/doctest.h>

#include "backends.hpp"
#include "gmoe/moe/bank.hpp"

using namespace gmoe;

TEST_CASE("ops/block_layout: blocks of different heights, and those that are visible") {
  const block_layout all({3, 2, 0, 4});
  CHECK((all.groups() == 4 && all.widest() == 4 && all.end() == 9 && all.is_whole(9)));
  const block_layout some({3, 2, 0, 4}, {1, 0});
  CHECK((some.groups() == 2 && some.widest() == 3 && some.end() == 5 && !some.is_whole(9)));
  CHECK((some.height(0) == 2 && some.height(1) == 3));
  const std::vector<double> numbers(18);
  const auto view = some.over(matrix_view<const double>{numbers.data(), 9, 2, 2});
  CHECK((view.block(0).data == numbers.data() + 6 && view.block(0).rows == 2));
  CHECK((view.block(1).data == numbers.data() && view.block(1).rows == 3));
  const block_layout equal = block_layout::equal(3, 5);
  CHECK((equal.groups() == 3 && equal.widest() == 5 && equal.is_whole(15)));
}

TEST_CASE_TEMPLATE("ops/block_layout: experts of a bank, which may be gone by then", B, GMOE_TEST_DOUBLE_BACKENDS) {
  auto bank = std::make_unique<expert_bank<B>>(builder<B>(1), 2, std::vector<index_t>{3, 5, 1}, 0.1);
  const block_layout blocks = bank->layout(std::make_shared<const std::vector<id_type>>(std::vector<id_type>{2, 1}));
  bank.reset();
  CHECK((blocks.groups() == 2 && blocks.widest() == 5 && blocks.end() == 9));
  CHECK((blocks.height(0) == 1 && blocks.height(1) == 5));
}

TEST_CASE("ops/block_layout: numbers must make sense") {
  using list = std::vector<id_type>;
  CHECK_THROWS_WITH_AS(block_layout({3, -1}), "block_layout: a block of -1 rows", config_error);
  CHECK_THROWS_WITH_AS(block_layout({3, 1}, list{2}), "block_layout: block 2 of 2", config_error);
  CHECK_THROWS_WITH_AS(block_layout({3, 1}, list{0, -1}), "block_layout: block -1 of 2", config_error);
  CHECK_THROWS_WITH_AS(block_layout({3, 1}, list{1, 1}),
                       "block_layout: block 1 is listed twice, expected every block at most once", config_error);
}
