// All headers, and a product by what is there without asking.
#include <gmoe/gmoe.hpp>

#include "products.hpp"

int main() { return check_products("Eigen"); }
