// One of several translation units of one program, each compiled with other flags: a small model, there and back.
#include "part.hpp"

#include <cmath>
#include <typeinfo>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/model/cards/gmoe.hpp"
#include "gmoe/model/language_model.hpp"

part GMOE_PART() {
  using B = gmoe::cpu<float>;
  gmoe::language_model<gmoe::gmoe_card, B> model{
      {.vocab = 11, .positions = 12, .d_model = 24, .layers = 2, .heads = 2, .d_ff = 40, .experts = 3}};
  std::vector<gmoe::id_type> inputs, targets;
  for (gmoe::id_type i = 0; i < 36; ++i) {
    inputs.push_back(i * 7 % 11);
    targets.push_back(i * 5 % 11);
  }
  gmoe::batch<B> data;
  data.assign(inputs, targets, 3, 11);

  gmoe::tape<B> tape;
  gmoe::context<B> ctx{.tape = &tape};
  const auto loss = model.loss(ctx, data).total;
  tape.backward(loss);
  double squares = 0;
  for (auto* p : model.parameters())
    if (p->has_gradient())
      for (const float g : p->gradient().to_host()) squares += static_cast<double>(g) * static_cast<double>(g);
  return {gmoe::eigen::gemm_provider, typeid(B).name(), static_cast<double>(loss.value().item()), std::sqrt(squares)};
}
