// For nvcc, which tells languages by the ending, and takes its time: without Switch, as GMoE has its loss and GShard
// its capacity and dense blocks.
#define GMOE_TEST_WHOLE_CARDS gmoe_card, gshard_card
#include "backend/thrust.cpp"
