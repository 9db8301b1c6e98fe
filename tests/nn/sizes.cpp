#include "gmoe/nn/sizes.hpp"

#include <doctest/doctest.h>

#include <string>

#include "gmoe/core/error.hpp"

using namespace gmoe;

TEST_CASE("nn/sizes: every number has a name, a help and limits") {
  sizes s;
  std::string names;
  each_field(s, [&](const auto& f, const auto& value) {
    names += std::string(f.name) + " ";
    CHECK_FALSE(f.help.empty());
    CHECK_NOTHROW(check_field(f, f.name, value));
  });
  CHECK(names == "vocab positions d_model layers heads d_ff experts dropout layer_norm_epsilon initializer_range ");
  CHECK(std::tuple_size_v<decltype(sizes::fields)> == element_count<sizes>);  // none is forgotten
  const auto refused = [](const sizes& bad) {
    std::string told;
    each_field(bad, [&](const auto& f, const auto& value) {
      try {
        check_field(f, f.name, value);
      } catch (const config_error& e) {
        told += std::string(e.what()) + "; ";
      }
    });
    return told;
  };
  sizes bad;
  bad.layers = 0;
  bad.experts = -1;
  bad.dropout = 1;
  bad.layer_norm_epsilon = 0;
  CHECK(refused(bad) ==
        "layers is 0, expected at least 1; experts is -1, expected 0 or more; dropout is 1, expected [0, 1); "
        "layer_norm_epsilon is 0, expected a positive number; ");
}
