#pragma once
/// For programs that link `gmoe::compiled`, or compile cmake/compiled.cpp themselves: operations on `cpu<float>` and
/// `cpu<double>` are not compiled again. The flags must be those that it was compiled with: what they change is part of
/// the type (backend/eigen/build_tag.hpp), so that other flags do not link.

#include "gmoe/backend/cpu.hpp"
#include "gmoe/compiled/operations.hpp"
#include "gmoe/compiled/products.hpp"

GMOE_COMPILED_OPERATIONS(extern template, gmoe::cpu<float>)
GMOE_COMPILED_OPERATIONS(extern template, gmoe::cpu<double>)
GMOE_COMPILED_PRODUCTS(extern template, float)
GMOE_COMPILED_PRODUCTS(extern template, double)
