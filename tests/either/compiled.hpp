#pragma once
/// What test files have in common when they are compiled for both backends: the library, with operations, and models in
/// double by name, that files of this folder compile for all of them; models in float are those of
/// gmoe::compiled_models.

#include "either/either.hpp"
#include "gmoe/compiled/models.hpp"
#include "gmoe/gmoe.hpp"

extern template struct gmoe_test::either<float>;
extern template struct gmoe_test::either<double>;
GMOE_COMPILED_OPERATIONS(extern template, gmoe_test::either<float>)
GMOE_COMPILED_OPERATIONS(extern template, gmoe_test::either<double>)

#define GMOE_EITHER_MODELS(instance, list) GMOE_COMPILED_MODELS(instance, list, gmoe_test::either<double>)
GMOE_COMPILED_LISTS(GMOE_EITHER_MODELS, extern template)
