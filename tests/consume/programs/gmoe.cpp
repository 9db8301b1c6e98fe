#include "products.hpp"

int main() { return check_products("Eigen"); }
