#include "gmoe/backend/cpu.hpp"
#include "whole_models.hpp"

namespace gmoe_test {

template <class Card>
result on_eigen() {
  return losses_and_gradients<Card, cpu<double>>();
}
template result on_eigen<gmoe_card>();
template result on_eigen<switch_card>();
template result on_eigen<gshard_card>();

std::vector<step_report> training_on_eigen() { return train_gmoe<cpu<float>>(); }

}  // namespace gmoe_test
