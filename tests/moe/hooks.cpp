#include "gmoe/moe/hooks.hpp"

#include <doctest/doctest.h>

#include <string>
#include <type_traits>

using namespace gmoe;

namespace {

// Whatever has the name.
struct function {
  int logits(int x) const { return x; }
};
struct templated {
  template <class T>
  T logits(T x) const {
    return x;
  }
};
struct overloaded {
  int logits(int x) const { return x; }
  int logits(int x, int y) const { return x + y; }
};
struct data_member {
  double logits = 1;
};
struct type {
  using logits = int;
};
class hidden {
  int logits(int x) const { return x; }
};
struct inherited : function {};
struct absent {
  int logit(int x) const { return x; }
};
struct callable {
  int operator()(int x) const { return x; }
};

static_assert(has_hook<hooks::logits, function>);
static_assert(has_hook<hooks::logits, templated>);
static_assert(has_hook<hooks::logits, overloaded>);
static_assert(has_hook<hooks::logits, data_member>);
static_assert(has_hook<hooks::logits, type>);
static_assert(has_hook<hooks::logits, hidden>);
static_assert(has_hook<hooks::logits, inherited>);
static_assert(!has_hook<hooks::logits, absent>);
static_assert(!has_hook<hooks::scores, function>);
static_assert(has_hook<hooks::apply, callable>);
static_assert(!has_hook<hooks::apply, function>);

struct mine {
  int kept = 0;
};
/// Takes what it keeps after the data.
struct with_my {
  using slot = int;
  int logits(int x, const auto& my) const { return x + my.kept; }
};
struct both {
  int logits(int x) const { return x; }
  int logits(int x, const mine& my) const { return x + my.kept; }
};
struct not_const {
  int logits(int x) { return x; }
};
template <class P>
struct around {
  using slot = int;
  P of{};
  double scores(double p) const { return p; }
};
template <class P>
struct twice : around<P> {
  int logits(int x, auto& my) const { return 2 * ask<hooks::logits>(this->of, my, x); }
};

struct wrong {
  using slot = int;
  with_my of{};
  int logits(std::string) const { return 0; }
};

}  // namespace

TEST_CASE("moe/hooks: named once, and all different") {
  std::string all;
  std::apply([&](auto... h) { ((all += std::string(h.name) + " "), ...); }, hooks::all{});
  CHECK(all ==
        "total visible width kind home publish make_weights operator() logits scores choose at_most experts_per_token "
        "keep "
        "weights layer_loss loss has_experts make_layer make_shared group prepare before_step after_step remember mask "
        "columns parts routings pool_sizes cached_columns products decides trains ");
}

TEST_CASE("moe/hooks: called with what is kept if the policy wants that, and without otherwise") {
  mine my{10};
  CHECK(ask<hooks::logits>(function{}, my, 3) == 3);
  CHECK(ask<hooks::logits>(templated{}, my, 3) == 3);
  CHECK(ask<hooks::logits>(with_my{}, my, 3) == 13);
  CHECK(ask<hooks::logits>(both{}, my, 3) == 13);
  CHECK(ask<hooks::apply>(callable{}, my, 4) == 4);
  CHECK(answers<hooks::logits, function, mine, int>);
  CHECK(answers<hooks::logits, with_my, mine, int>);
  CHECK_FALSE(answers<hooks::logits, function, mine, std::string>);
  CHECK_FALSE(answers<hooks::logits, not_const, mine, int>);
  CHECK_FALSE(answers<hooks::logits, hidden, mine, int>);
  CHECK_FALSE(answers<hooks::logits, data_member, mine, int>);
  CHECK_FALSE(answers<hooks::logits, absent, mine, int>);
  CHECK(std::is_same_v<detail::asked<hooks::logits, templated, mine, double>, double>);
}

TEST_CASE("moe/hooks: a wrapper's missing function is that of the policy within") {
  mine my{10};
  CHECK(ask<hooks::logits>(around<with_my>{}, my, 3) == 13);
  CHECK(ask<hooks::logits>(around<around<with_my>>{}, my, 3) == 13);
  CHECK(ask<hooks::logits>(twice<with_my>{}, my, 3) == 26);
  CHECK(ask<hooks::logits>(twice<twice<with_my>>{}, my, 3) == 52);
  CHECK(ask<hooks::scores>(around<with_my>{}, my, 0.5) == 0.5);
  CHECK_FALSE(has_hook<hooks::logits, around<with_my>>);
  CHECK(has_hook_within<hooks::logits, around<around<with_my>>>);
  CHECK_FALSE(has_hook_within<hooks::keep, around<around<with_my>>>);
  CHECK(answers<hooks::logits, around<with_my>, mine, int>);
  CHECK_FALSE(answers<hooks::keep, around<with_my>, mine, int>);
  // What is nearly right in the wrapper does not become that of the policy within.
  CHECK_FALSE(answers<hooks::logits, wrong, mine, int>);
}
