#pragma once
/// Everything for building, training and sampling models on the CPU. Files that need a JSON library
/// (gmoe/io/...), analysis and other backends are included on their own.

#include "gmoe/autograd/gradient_check.hpp"
#if !defined(__CUDACC__)
#include "gmoe/backend/cpu.hpp"
#endif
#include "gmoe/data/continue_text.hpp"
#include "gmoe/data/corpus.hpp"
#include "gmoe/data/unigram.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/train/train.hpp"
#include "gmoe/version.hpp"
