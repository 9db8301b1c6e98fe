#include "gmoe/core/field.hpp"

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <string>

using namespace gmoe;

namespace {

enum class way { up, down };
constexpr auto names_of(way) { return std::array<std::string_view, 2>{"up", "down"}; }

struct numbers {
  double alpha = 0.5;
  index_t k = 2;
  bool on = false;
  way where = way::down;
  std::vector<index_t> blocks = {};
  static constexpr auto fields =
      std::tuple{field{"alpha", &numbers::alpha, "a coefficient", above(0)},
                 field{"k", &numbers::k, "how many", at_least(1)}, field{"on", &numbers::on, "a switch"},
                 field{"where", &numbers::where, "a choice"}, field{"blocks", &numbers::blocks, "a list", at_least(0)}};
};
struct without {
  int hidden = 3;
};

/// The message with which setting a field by name is refused; "" if it is not.
std::string refusal(std::string_view name, std::string_view text) {
  numbers n;
  std::string told;
  each_field(n, [&](const auto& f, auto& value) {
    if (f.name != name) return;
    try {
      value = parse_field(f, "card." + std::string(name), text);
    } catch (const config_error& e) {
      told = e.what();
    }
  });
  return told;
}

constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("core/field: visited in order, by name, help and value") {
  numbers n{.k = 7};
  std::string seen;
  each_field(n, [&](const auto& f, auto& value) {
    seen += concat(f.name, " (", f.help, ") = ", to_text(value), "; ");
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(value)>, double>) value = 2;
  });
  CHECK(seen ==
        "alpha (a coefficient) = 0.5; k (how many) = 7; on (a switch) = false; where (a choice) = down; "
        "blocks (a list) = ; ");
  CHECK(n.alpha == 2);
  const numbers fixed;
  each_field(fixed, []<class T>(const auto&, T&) { CHECK(std::is_const_v<T>); });
  without w;
  each_field(w, [](const auto&, auto&) { FAIL("no fields are listed"); });
  CHECK(std::tuple_size_v<decltype(fields_of<without>())> == 0);
  CHECK(std::tuple_size_v<decltype(fields_of<numbers>())> == 5);
}

TEST_CASE("core/field: limits") {
  CHECK(limits{}.allow(-1e300));
  CHECK(at_least(1).allow(1));
  CHECK_FALSE(at_least(1).allow(0.999));
  CHECK_FALSE(above(0).allow(0));
  CHECK(above(0).allow(1e-300));
  CHECK(between(0, 1).allow(0));
  CHECK(between(0, 1).allow(1));
  CHECK_FALSE(between(0, 1).allow(1.001));
  CHECK(below(0, 1).allow(0));
  CHECK_FALSE(below(0, 1).allow(1));
  CHECK_FALSE(at_least(0).allow(std::numeric_limits<double>::quiet_NaN()));
  CHECK(limits{}.text() == "a finite number");
  CHECK(at_least(0).text() == "0 or more");
  CHECK(at_least(2).text() == "at least 2");
  CHECK(above(0).text() == "a positive number");
  CHECK(above(1).text() == "more than 1");
  CHECK(between(0, 0.5).text() == "[0, 0.5]");
  CHECK(below(0, 1).text() == "[0, 1)");
}

TEST_CASE("core/field: values from text") {
  CHECK(refusal("alpha", "0.25") == "");
  CHECK(refusal("alpha", "x") == "card.alpha is 'x', expected a number");
  CHECK(refusal("alpha", "0") == "card.alpha is 0, expected a positive number");
  CHECK(refusal("alpha", "nan") == "card.alpha is nan, expected a positive number");
  CHECK(refusal("alpha", "inf") == "card.alpha is inf, expected a positive number");
  CHECK(refusal("k", "3") == "");
  CHECK(refusal("k", "0") == "card.k is 0, expected at least 1");
  CHECK(refusal("k", "1.5") == "card.k is '1.5', expected a whole number");
  CHECK(refusal("on", "true") == "");
  CHECK(refusal("on", "yes") == "card.on is 'yes', expected true or false");
  CHECK(refusal("where", "up") == "");
  CHECK(refusal("where", "left") == "card.where is 'left', expected one of up, down");
  CHECK(refusal("blocks", "0 2") == "");
  CHECK(refusal("blocks", "0 -2") == "card.blocks is -2, expected 0 or more");
  CHECK(refusal("blocks", "a") == "card.blocks is 'a', expected a list of whole numbers");
}

TEST_CASE("core/field: values that are there already") {
  const auto refused = [](const numbers& n) {
    std::string told;
    each_field(n, [&](const auto& f, const auto& value) {
      try {
        check_field(f, f.name, value);
      } catch (const config_error& e) {
        told += std::string(e.what()) + "; ";
      }
    });
    return told;
  };
  CHECK(refused({}) == "");
  CHECK(refused({.alpha = infinity, .k = -1, .blocks = {1, -1}}) ==
        "alpha is inf, expected a positive number; k is -1, expected at least 1; blocks is -1, expected 0 or more; ");
}
