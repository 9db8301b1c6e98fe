#pragma once
/// The same for tests of models and what they are made of: the library too, with operations and models by name that
/// come compiled.

#include "gmoe/compiled/models.hpp"
#include "gmoe/gmoe.hpp"
#include "precompiled.hpp"
