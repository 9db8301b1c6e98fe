// The same of every card of the library, chosen at run time: in double, where the products are Eigen's, so that the
// compiled models can be asked.
#include <doctest/doctest.h>

#include "allocation/count.hpp"
#include "gmoe/backend/cpu.hpp"
#include "gmoe/model/any_model.hpp"

using namespace gmoe;

TEST_CASE("allocation/any_card: no card of the library allocates after its first steps") {
#if defined(GMOE_GEMM_BLAS)
  MESSAGE("skipped: what a BLAS allocates is not ours to count");
#else
  for (const card_text& text : all_cards::texts) {
    CAPTURE(text.name);
    sizes s = gmoe_test::medium_sizes();
    s.d_model = 32;
    s.d_ff = 48;
    s.experts = 4;
    s.positions = 20;
    s.layers = 2;
    const auto model = make_model<cpu<double> >(text.name, s);
    if (model->needs_preparation()) model->prepare(std::vector<std::int64_t>(static_cast<std::size_t>(s.vocab), 1));
    gmoe_test::check_steps(*model, 1, gmoe_test::steady::again, 3);
  }
  // On two threads, too.
  const auto model = make_model<cpu<double> >("gmoe", gmoe_test::medium_sizes());
  gmoe_test::check_steps(*model, 2);
#endif
}
