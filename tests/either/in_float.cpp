#include "either/definitions.hpp"
#include "gmoe/compiled/operations.hpp"
#include "gmoe/compiled/products.hpp"

GMOE_COMPILED_PRODUCTS(extern template, float)  // in gmoe::compiled

template struct gmoe_test::either<float>;
GMOE_COMPILED_OPERATIONS(template, gmoe_test::either<float>)
