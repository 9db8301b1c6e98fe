#pragma once
/// For programs that link `gmoe::compiled_models`, or compile cmake/compiled.cpp and cmake/compiled/*.cpp themselves:
/// make_card, and make_model on `cpu<float>` and `cpu<double>`, compile nothing for cards of the library. With what
/// cpu.hpp says of operations and of flags.

#include "gmoe/compiled/cpu.hpp"
#include "gmoe/compiled/families.hpp"

/// All that is compiled of a family; each has a file in cmake/compiled/.
#define GMOE_COMPILED_FAMILY(instance, list)    \
  GMOE_COMPILED_FAMILY_IN_FLOAT(instance, list) \
  GMOE_COMPILED_FAMILY_IN_DOUBLE(instance, list)
/// Cards and models in float, and models in double.
#define GMOE_COMPILED_FAMILY_IN_FLOAT(instance, list) \
  GMOE_COMPILED_CARDS(instance, list)                 \
  GMOE_COMPILED_MODELS(instance, list, gmoe::cpu<float>)
#define GMOE_COMPILED_FAMILY_IN_DOUBLE(instance, list) GMOE_COMPILED_MODELS(instance, list, gmoe::cpu<double>)

GMOE_COMPILED_LISTS(GMOE_COMPILED_FAMILY, extern template)
