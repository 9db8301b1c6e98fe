#pragma once
/// Everything for building and training models on the CPU. Files, checkpoints and analysis are included on their
/// own (gmoe/io/..., gmoe/analysis/...), as are other backends.

#include "gmoe/autograd/gradient_check.hpp"
#include "gmoe/backend/cpu.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/version.hpp"
