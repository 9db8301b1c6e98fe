#pragma once
/// Everything for building, training and sampling models on the CPU. Files that need a JSON library (gmoe/io/...),
/// analysis, other backends (backend/bf16.hpp among them), ranks (ranks/threads.hpp, ranks/mpi.hpp) and the handling of
/// signals (train/interrupt.hpp) are included on their own.

#include "gmoe/autograd/gradient_check.hpp"
#if !defined(__CUDACC__)
#include "gmoe/backend/cpu.hpp"
#endif
#include "gmoe/backend/generic.hpp"
#include "gmoe/data/choice_question.hpp"
#include "gmoe/data/continue_text.hpp"
#include "gmoe/data/corpus.hpp"
#include "gmoe/data/counting_models.hpp"
#include "gmoe/data/printable.hpp"
#include "gmoe/data/unigram.hpp"
#include "gmoe/model/accounting.hpp"
#include "gmoe/model/any_model.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/causality.hpp"
#include "gmoe/model/closed_form.hpp"
#include "gmoe/model/describe.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/model/log_likelihood.hpp"
#include "gmoe/model/registry.hpp"
#include "gmoe/model/under_rule.hpp"
#include "gmoe/model/within_budget.hpp"
#include "gmoe/moe/recording.hpp"
#include "gmoe/ops.hpp"
#include "gmoe/ranks/any.hpp"
#include "gmoe/train/train.hpp"
#include "gmoe/version.hpp"
