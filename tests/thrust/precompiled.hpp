#pragma once
// What the test files have in common when they are compiled for Thrust: the library, with operations, and models in
// double by name, that files of this folder compile for all of them, and products from gmoe::compiled.
#include "gmoe/backend/thrust.hpp"
#include "gmoe/compiled/families.hpp"
#include "gmoe/compiled/operations.hpp"
#include "gmoe/compiled/products.hpp"
#include "gmoe/gmoe.hpp"

GMOE_COMPILED_OPERATIONS(extern template, gmoe::thrust_backend<float>)
GMOE_COMPILED_OPERATIONS(extern template, gmoe::thrust_backend<double>)
GMOE_COMPILED_PRODUCTS(extern template, float)
GMOE_COMPILED_PRODUCTS(extern template, double)

#define GMOE_THRUST_MODELS(instance, list) GMOE_COMPILED_MODELS(instance, list, gmoe::thrust_backend<double>)
GMOE_COMPILED_LISTS(GMOE_COMPILED_CARDS, extern template)
GMOE_COMPILED_LISTS(GMOE_THRUST_MODELS, extern template)
