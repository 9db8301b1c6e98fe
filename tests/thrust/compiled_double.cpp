#include "gmoe/backend/thrust.hpp"
#include "gmoe/compiled/operations.hpp"

GMOE_COMPILED_OPERATIONS(template, gmoe::thrust_backend<double>)
