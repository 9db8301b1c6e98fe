#pragma once
/// The one portability macro: marks functions that also run on a GPU. Empty for an ordinary compiler.

#if defined(__CUDACC__)
#define GMOE_HD __host__ __device__
#else
#define GMOE_HD
#endif
