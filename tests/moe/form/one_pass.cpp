#include "gmoe/moe/form/one_pass.hpp"

#include <doctest/doctest.h>

#include <string>

#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

/// Parts that say in which order they were asked, and whose values tell them apart.
template <class B>
struct listed_parts {
  bool has_always;
  std::string asked;
  routing<B> r;

  const routing<B>& route(const place<B>&, const variable<B>&) {
    asked += "route ";
    r.block = 5;
    return r;
  }
  variable<B> always(const place<B>&, const variable<B>& x, const routing<B>& routed) {
    asked += "always ";
    CHECK(routed.block == 5);
    return has_always ? scale(x, 2) : variable<B>{};
  }
  variable<B> experts(const place<B>&, const variable<B>& x, const routing<B>& routed) {
    asked += "experts ";
    CHECK(routed.block == 5);
    return scale(x, 3);
  }
};

}  // namespace

TEST_CASE_TEMPLATE("moe/form/one_pass: routed once, and summed once", B, GMOE_TEST_MODULE_BACKENDS) {
  const layer_shape shape;
  const place<B> at{context<B>{}, shape};
  const variable<B> x(put<B>(table(1, 2, {0.5, -1})));
  listed_parts<B> both{true, "", {}}, routed{false, "", {}};
  CHECK(get(one_pass{}(at, both, x).value()).values == std::vector<double>{2.5, -5});
  CHECK(both.asked == "route always experts ");
  CHECK(get(one_pass{}(at, routed, x).value()).values == std::vector<double>{1.5, -3});
  CHECK(routed.asked == "route always experts ");
}
