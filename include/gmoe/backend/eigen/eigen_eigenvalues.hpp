#pragma once
/// Eigen's eigenvalues, without warnings about Eigen; see eigen.hpp. Only who needs them includes them.

#pragma GCC system_header
#include <Eigen/Eigenvalues>
