#pragma once
/// References of cards: each is a naive::mixture, written from the equations. They include nothing of the library's
/// models, so that they can be used wherever its parameters are at hand: beside a model, or with a trace alone.

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "naive_backbone.hpp"

namespace gmoe_test {

using naive::mat;
using naive::number;
using naive::vec;

}  // namespace gmoe_test
