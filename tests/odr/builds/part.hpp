#pragma once
// What a translation unit of the program odr_builds says about itself and computes.

struct part {
  const char* provider;  // as the library names it
  const char* backend;   // the mangled name of cpu<float>
  double loss, gradient;
};
