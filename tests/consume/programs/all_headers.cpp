// A user's program that includes all there is.
#include <gmoe/gmoe.hpp>

#include <cstdio>

int main() {
  std::printf("gmoe %s\n", gmoe::version_string);
  const gmoe::recipe how;
  gmoe::check_recipe(how);
}
