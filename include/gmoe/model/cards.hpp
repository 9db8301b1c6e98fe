#pragma once
/// The cards: every variant, spelled, one file per family. See docs/variants/ for their equations.

#include "gmoe/model/cards/deepseek.hpp"
#include "gmoe/model/cards/dense.hpp"
#include "gmoe/model/cards/depth.hpp"
#include "gmoe/model/cards/forms.hpp"
#include "gmoe/model/cards/gmoe.hpp"
#include "gmoe/model/cards/gshard.hpp"
#include "gmoe/model/cards/llama.hpp"
#include "gmoe/model/cards/switch.hpp"
// What cards answer that say nothing, and more for cards of your own.
#include "gmoe/moe/attention/gpt2_attention.hpp"
#include "gmoe/moe/balance/joint_loss.hpp"
#include "gmoe/moe/body/gated.hpp"
#include "gmoe/moe/body/special_experts.hpp"
#include "gmoe/moe/candidates/all_experts.hpp"
#include "gmoe/moe/form/in_series.hpp"
#include "gmoe/moe/form/one_pass.hpp"
#include "gmoe/moe/router/jittered.hpp"
#include "gmoe/moe/select/prefix.hpp"
