// expect: gmoe: a form that routes some of the rows needs policies that look at the token alone or at all that are
#include "gmoe/compiled/cpu.hpp"
#include "gmoe/model/cards/gmoe.hpp"
#include "gmoe/moe/router/linear_router.hpp"
#include "gmoe/moe/stack.hpp"

using namespace gmoe;

struct first_row {
  using slot = slots::form;
  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x) const {
    const auto rows = id_matrix<B>::from_host(std::vector<id_type>{0}, 1, 1);
    const variable<B> first = take_rows(x, rows);
    return add_rows(x, parts.experts(at, first, parts.route(at, first, rows)), rows);
  }
};

int main() {
#ifdef GMOE_FIXED
  using card = with<gmoe_card, first_row, linear_router>;
#else
  using card = with<gmoe_card, first_row>;  // its router carries a state and logits
#endif
  moe_stack<card, cpu<float>> moe({});
  auto pass = moe.begin({});
  moe(pass, 0, variable<cpu<float>>(matrix<cpu<float>>(2, 128)));
}
