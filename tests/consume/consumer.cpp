// A user's program: it compiles when the include paths are right, C++20 is on and Eigen is there.
#include <cstdio>

#include <Eigen/Core>

#include "gmoe/core/random.hpp"
#include "gmoe/version.hpp"

int main() {
  const gmoe::random_stream stream = gmoe::random_stream(1).fork("weights");
  Eigen::Vector3d x;
  for (int i = 0; i < 3; ++i) x(i) = stream.uniform(i);
  std::printf("gmoe %s: %g\n", gmoe::version_string, x.sum());
  return x.minCoeff() >= 0 && x.maxCoeff() < 1 ? 0 : 1;
}
