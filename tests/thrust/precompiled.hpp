#pragma once
// What the test files have in common when they are compiled for Thrust.
#include "gmoe/backend/thrust.hpp"
