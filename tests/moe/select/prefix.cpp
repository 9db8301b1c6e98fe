#include "gmoe/moe/select/prefix.hpp"

#include <doctest/doctest.h>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

template <class B>
std::vector<id_type> prefix_of(double above, const matrix<B>& scores,
                               const std::type_identity_t<matrix<B>>& mask = {}) {
  routing<B> r;
  r.experts = scores.cols();
  r.scores = variable<B>(scores);
  r.mask = mask;
  const id_matrix<B> chosen = policy_alone<B, prefix>({.above = above}).ask(hooks::choose{}, context<B>{}, r);
  CHECK(chosen.rows() == scores.rows());
  CHECK(chosen.cols() == scores.cols());
  return chosen.to_host();
}
constexpr id_type off = no_choice;
using list = std::vector<id_type>;

}  // namespace

TEST_CASE_TEMPLATE("moe/select/prefix: the shortest prefix whose scores sum to more", B, GMOE_TEST_MODULE_BACKENDS) {
  const auto scores = put<B>(table(4, 4,
                                   {0.125, 0.5, 0.25, 0.125,  //
                                    0.25, 0.25, 0.25, 0.25,   //
                                    0, 1, 0, 0,               //
                                    0.0625, 0.0625, 0.125, 0.75}));
  CHECK(prefix_of(0.5, scores) == list{1, 2, off, off, 0, 1, 2, off,  // 0.5 is not more than 0.5
                                       1, off, off, off, 3, off, off, off});
  CHECK(prefix_of(0.8, scores) == list{1, 2, 0, off, 0, 1, 2, 3,  //
                                       1, off, off, off, 3, 2, off, off});
  CHECK(prefix_of(0, scores) == list{1, off, off, off, 0, off, off, off,  //
                                     1, off, off, off, 3, off, off, off});
  CHECK(prefix_of(1, scores) == list{1, 2, 0, 3, 0, 1, 2, 3, 1, 0, 2, 3, 3, 2, 0, 1});
}

TEST_CASE_TEMPLATE("moe/select/prefix: among those that may be asked, and rows of nobody", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  const auto scores = put<B>(table(3, 3, {0.25, 0.75, 0, 0.25, 0, 0.75, 0, 0, 0}));
  const auto mask = put<B>(table(3, 3, {1, 1, 0, 1, 0, 1, 0, 0, 0}));
  CHECK(prefix_of(1, scores, mask) == list{1, 0, off, 2, 0, off, off, off, off});
  CHECK(prefix_of(0.5, scores, mask) == list{1, off, off, 2, off, off, off, off, off});
  CHECK(prefix_of(0.9, matrix<B>(0, 3)).empty());
  CHECK(prefix_of(0.9, put<B>(table(1, 1, {1}))) == list{0});
}

TEST_CASE_TEMPLATE("moe/select/prefix: what is not a number is chosen", B, GMOE_TEST_MODULE_BACKENDS) {
  CHECK(prefix_of(0.5, put<B>(table(1, 3, {0.25, not_a_number, 0.75})))[0] == 1);
}

TEST_CASE("moe/select/prefix: how many at most") {
  layer_shape l;
  l.experts = 8;
  CHECK(prefix{}.at_most(l) == 8);
  CHECK(prefix{.above = 0}.experts_per_token(l) == 1);
  CHECK(prefix{.above = 0.5}.experts_per_token(l) == 5);
  CHECK(prefix{.above = 0.9}.experts_per_token(l) == 8);
  CHECK(prefix{.above = 1}.experts_per_token(l) == 8);
}
