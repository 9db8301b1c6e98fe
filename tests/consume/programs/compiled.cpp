// A user's program that finds the operations compiled: what training.cpp does, but it does not link without the
// library.
#include <gmoe/compiled/cpu.hpp>

#include "training.cpp"
