#pragma once
/// Published checkpoints: load_official, with_official_model, save_official.

#include "gmoe/io/official_load.hpp"
#include "gmoe/io/official_save.hpp"
