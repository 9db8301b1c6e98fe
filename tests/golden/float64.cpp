#include "golden/run.hpp"

TEST_CASE("golden/float64: activations, routing, losses, gradients and training steps of every case") {
  for (const std::string& name : golden::cases) golden::run<GMOE_TEST_BACKEND<double>>(name);
}
