#pragma once
/// doctest with assertions that are one call each, which compile quicker. What an expression throws fails its test
/// case.

#define DOCTEST_CONFIG_SUPER_FAST_ASSERTS
#include <doctest/doctest.h>
