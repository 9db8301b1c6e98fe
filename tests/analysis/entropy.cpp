#include "gmoe/analysis/entropy.hpp"

#include <doctest/doctest.h>

#include <vector>

using doctest::Approx;

TEST_CASE("analysis/entropy: uniform, constant and dyadic laws") {
  CHECK(gmoe::entropy(std::vector<int>{3, 3, 3, 3, 3}) == Approx(std::log(5.0)));
  CHECK(gmoe::entropy(std::vector<int>{0, 9, 0}) == 0.0);
  CHECK(gmoe::entropy(std::vector<double>{0.5, 0.25, 0.125, 0.125}) == Approx(1.75 * std::log(2.0)));
  CHECK(gmoe::entropy(std::vector<double>{8, 4, 2, 2}) == Approx(1.75 * std::log(2.0)));  // scale does not matter
}

TEST_CASE("analysis/entropy: normalised by its maximum, 1 where only one outcome is possible") {
  CHECK(gmoe::normalized_entropy(std::log(2.0), std::log(4.0)) == Approx(0.5));
  CHECK(gmoe::normalized_entropy(0.0, 0.0) == 1.0);
}

TEST_CASE("analysis/entropy: no distribution, no entropy") {
  CHECK_THROWS_AS(gmoe::entropy(std::vector<double>{}), gmoe::data_error);
  CHECK_THROWS_AS(gmoe::entropy(std::vector<double>{0, 0}), gmoe::data_error);
  CHECK_THROWS_AS(gmoe::entropy(std::vector<double>{1, -1e-9}), gmoe::data_error);
  CHECK_THROWS_AS(gmoe::entropy(std::vector<double>{1, std::nan("")}), gmoe::data_error);
}
