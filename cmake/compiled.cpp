// What gmoe::compiled is made of; see gmoe/compiled/cpu.hpp.

#include "gmoe/backend/cpu.hpp"
#include "gmoe/compiled/operations.hpp"
#include "gmoe/compiled/products.hpp"

GMOE_COMPILED_OPERATIONS(template, gmoe::cpu<float>)
GMOE_COMPILED_OPERATIONS(template, gmoe::cpu<double>)
GMOE_COMPILED_PRODUCTS(template, float)
GMOE_COMPILED_PRODUCTS(template, double)
