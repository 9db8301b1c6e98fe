#pragma once
/// The cards: every variant, spelled, one file per family. See docs/variants/ for their equations.

#include "gmoe/model/cards/deepseek.hpp"
#include "gmoe/model/cards/dense.hpp"
#include "gmoe/model/cards/gmoe.hpp"
#include "gmoe/model/cards/gshard.hpp"
#include "gmoe/model/cards/switch.hpp"
// For cards of your own.
#include "gmoe/moe/balance/joint_loss.hpp"
#include "gmoe/moe/router/jittered.hpp"
