#pragma once
/// The same for tests of models and what they are made of: the library too, with operations that come compiled.

#include "gmoe/compiled/cpu.hpp"
#include "gmoe/gmoe.hpp"
#include "precompiled.hpp"
