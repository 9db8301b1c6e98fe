#pragma once
// What most files of this folder have in common, read by the compiler once for all of them.
#include "gmoe/moe/stack.hpp"
#include "stand_ins/mistakes.hpp"
