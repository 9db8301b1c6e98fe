// Soft MoE (Puigcerver et al. 2023) as a form: experts get mixtures of tokens, tokens mixtures of what comes out. No
// token is sent anywhere, and no choice has to be learned around.
#include "breadth/check.hpp"
#include "gmoe/model/causality.hpp"
#include "gmoe/model/generate.hpp"
#include "gmoe/model/log_likelihood.hpp"
#include "gmoe/ops/batched_matmul.hpp"
#include "gmoe/ops/columns.hpp"

using namespace gmoe;

namespace {

struct soft_slots {
  using slot = slots::form;
  using uses = slot_list<slots::experts, slots::body, slots::router>;
  index_t slots_per_expert = 2;
  static constexpr auto fields =
      std::tuple{field{"slots_per_expert", &soft_slots::slots_per_expert, "mixtures for each expert", at_least(1)}};
  static constexpr reach reaches = reach::sequence;

  layer_shape parts(layer_shape l) const {
    l.columns = l.experts * slots_per_expert;
    return l;
  }
  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x) const {
    const variable<B> z = parts.logits(at, x);  // T x N s
    const variable<B> in = batched_matmul(softmax_cols(z, at.sequence), x, at.batch, op::transpose);
    std::vector<id_type> expert;  // of every slot of every sequence
    for (index_t i = 0; i < in.rows(); ++i) expert.push_back(static_cast<id_type>(i % z.cols() / slots_per_expert));
    const auto& r = parts.assign(at, id_matrix<B>::from_host(expert, in.rows(), 1));
    return batched_matmul(softmax_rows(z), parts.experts(at, in, r), at.batch);
  }
};

struct soft_card {
  layer_pool experts{};
  relu_expert body{};
  linear_router router{};
  soft_slots form{};
  every_block placement{};
  gpt2_feed_forward dense{};
};

/// A form that does not say that it uses no more, with a loss that reads what nobody makes.
struct all_slots : soft_slots {
  using uses = slots::parts_of_a_layer;
};

}  // namespace

TEST_CASE("breadth/soft_moe: gradients; it looks at the whole sequence, and does not generate") {
  gmoe_test::check_gradients_of<soft_card>();
  language_model<soft_card, gmoe_test::model_backend> model(gmoe_test::small_sizes());
  gmoe_test::randomise(model);
  CHECK(check_causality(model, 6).measured == reach::sequence);
  CHECK(gmoe_test::config_message([&] { generator reader(model); }).ends_with("looks at the whole sequence"));
  CHECK(gmoe_test::config_message([&] {
          log_likelihoods(model, {});
        }).ends_with("has no likelihoods of continuations: its answer to 'form' looks at the whole sequence"));
  CHECK(gmoe_test::config_message([&] {
          language_model<with<smoe_card, all_slots>, gmoe_test::model_backend> balanced(gmoe_test::small_sizes());
          gmoe_test::losses_of(balanced, gmoe_test::text(2, 5, 11), true);
        }) ==
        "block 0: the balance loss reads scores, but the form assigns experts without any; its card takes no_balance");
}
