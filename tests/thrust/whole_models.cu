// For nvcc, which tells languages by the ending.
#include "backend/thrust.cpp"
