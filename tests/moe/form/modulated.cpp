// Forms whose experts see another x, and one that asks them several times: with parts whose values tell them apart.
#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "gmoe/moe/form/depth_modulated.hpp"
#include "gmoe/moe/form/expert_path.hpp"
#include "gmoe/moe/form/film_modulated.hpp"
#include "moe/routing_helpers.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

/// always = 2 x, experts = 3 x; what was routed is written down.
template <class B>
struct scaling_parts {
  bool has_always = true;
  routing<B> r{};
  std::string asked{};
  std::vector<double> routed{};

  const routing<B>& route(const place<B>& at, const variable<B>& x) {
    asked += "route" + std::to_string(at.round_number) + " ";
    for (const double v : get(x.value()).values) routed.push_back(v);
    return r;
  }
  variable<B> always(const place<B>&, const variable<B>& x, const routing<B>&) {
    asked += "always ";
    return has_always ? scale(x, 2) : variable<B>{};
  }
  variable<B> experts(const place<B>&, const variable<B>& x, const routing<B>&) {
    asked += "experts ";
    return scale(x, 3);
  }
};

layer_shape two_wide() {
  layer_shape l;
  l.d_model = 2;
  l.experts = 3;
  return l;
}

/// The form's y for x, T x 2.
template <class B, class Form>
table value_of_form(policy_alone<B, Form>& form, scaling_parts<B>& parts, const table& x) {
  auto my = form.mine();
  const place<B> at{context<B>{}, form.shapes[0]};
  if constexpr (requires { form.policy(at, parts, variable<B>(put<B>(x)), my); })
    return get(form.policy(at, parts, variable<B>(put<B>(x)), my).value());
  else
    return get(form.policy(at, parts, variable<B>(put<B>(x))).value());
}

}  // namespace

TEST_CASE_TEMPLATE("moe/form/modulated: a depth embedding for router, experts and what is always there", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  policy_alone<B, depth_modulated> form({}, {two_wide()});
  CHECK(form.parameters() == "own.0.depth_bias 1x2, ");
  form.mine().layer.depth.value() = put<B>(table(1, 2, {1, -2}));
  scaling_parts<B> parts;
  CHECK(value_of_form(form, parts, table(2, 2, {0.5, 0, 1, 1})).values == std::vector<double>{7.5, -10, 10, -5});
  CHECK(parts.routed == std::vector<double>{1.5, -2, 2, -1});
  CHECK(parts.asked == "route0 always experts ");
}

TEST_CASE_TEMPLATE("moe/form/modulated: FiLM changes what experts see, not what the router sees", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  policy_alone<B, film_modulated> form({.hidden = 4, .strength = 0.5}, {two_wide()});
  scaling_parts<B> parts;
  parts.has_always = false;
  parts.r.scores = variable<B>(put<B>(table(1, 3, {0.2, 0.5, 0.3})));
  parts.r.note("router_h", variable<B>(put<B>(table(1, 2, {1, -1}))));
  const table x(1, 2, {0.5, -1});
  CHECK(value_of_form(form, parts, x).values == std::vector<double>{1.5, -3});  // it begins with x itself
  form.mine().layer.bias_out.value() = put<B>(table(1, 4, {1, -2, 0.25, 4}));
  const table y = value_of_form(form, parts, x);
  CHECK(y(0, 0) == doctest::Approx(3 * ((1 + 0.5 * std::tanh(1.0)) * 0.5 + 0.25)));
  CHECK(y(0, 1) == doctest::Approx(3 * (-(1 + 0.5 * std::tanh(-2.0)) + 4)));
  CHECK(parts.routed == std::vector<double>{0.5, -1, 0.5, -1});
}

TEST_CASE_TEMPLATE("moe/form/modulated: a path asks the experts about what they have made", B,
                   GMOE_TEST_MODULE_BACKENDS) {
  policy_alone<B, expert_path> form({.steps = 3}, {two_wide()});
  CHECK(form.policy.routings(two_wide()) == 3);
  scaling_parts<B> parts;
  CHECK(value_of_form(form, parts, table(1, 2, {1, -1})).values == std::vector<double>{2 + 3 + 12 + 48, -65});
  CHECK(parts.routed == std::vector<double>{1, -1, 4, -4, 16, -16});
  CHECK(parts.asked == "route0 always experts route1 experts route2 experts ");
  form.policy.steps = 1;
  parts = {.has_always = false};
  CHECK(value_of_form(form, parts, table(1, 2, {1, -1})).values == std::vector<double>{3, -3});
}
