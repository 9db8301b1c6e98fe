#pragma once
/// Eigen, without warnings about Eigen for those who name its folder with -I.
///
/// What a system header includes is a system header. The optimiser's alarms about registers that g++'s own AVX-512
/// intrinsics leave undefined on purpose (GCC bug 105593) come later, when these are inlined into functions elsewhere;
/// they are judged by the diagnostics in force where the intrinsics stand. A file that includes Eigen before gmoe
/// decides by itself what it hears of Eigen.

#pragma GCC system_header
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <Eigen/Core>
#pragma GCC diagnostic pop
