// Routing by what was read so far (the causal form of routing by sequence): a router on the mean of its sequence's
// prefix, which generation goes on with.
#include "breadth/check.hpp"
#include "gmoe/model/causality.hpp"
#include "gmoe/model/generate.hpp"

using namespace gmoe;
using B = gmoe_test::model_backend;

namespace {
struct prefix_router {
  using slot = slots::router;
  static constexpr reach reaches = reach::past;
  template <class B>
  struct layer {
    parameter<B> gate;  // N x d
  };
  template <class B>
  struct cached {
    running_means<B> read;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {make.linear("gate", l.columns, l.d_model)};
  }
  template <class B>
  variable<B> logits(const place<B>& at, const variable<B>& x, const auto& my) const {
    return matmul(prefix_means(x, at.sequence, my.cached.read), at.use(my.layer.gate), op::transpose);
  }
};
using prefix_card = with<smoe_card, prefix_router>;
}  // namespace

TEST_CASE("breadth/prefix_router: gradients; token by token is one pass, for several sequences at a time") {
  gmoe_test::check_gradients_of<prefix_card>();
  const sizes s = gmoe_test::small_sizes();
  language_model<prefix_card, B> model(s);
  gmoe_test::randomise(model);
  CHECK(check_causality(model, 6).measured == reach::past);

  const gmoe_test::text t(2, 7, s.vocab);
  const auto whole = model.logits({}, model.hidden(language_model<prefix_card, B>::reading({}, t.on<B>(s.vocab))));
  const auto expected = whole.value().to_host();
  generator first(model), second(model);  // sequences with prompts of 3 and 2 tokens
  const auto read = [&](generator<decltype(model)>& reader, index_t sequence, index_t from, index_t count) {
    const auto& z = reader.read(
        std::span(t.tokens).subspan(static_cast<std::size_t>(7 * sequence + from), static_cast<std::size_t>(count)));
    const auto row = expected.begin() + (7 * sequence + from + count - 1) * s.vocab;
    for (index_t j = 0; j < s.vocab; ++j) CHECK(std::abs(z[static_cast<std::size_t>(j)] - row[j]) < 1e-12);
  };
  read(first, 0, 0, 3);
  read(second, 1, 0, 2);
  for (index_t i = 3; i < 7; ++i) {
    read(first, 0, i, 1);
    read(second, 1, i - 1, 1);
  }
  first.restart();
  read(first, 1, 0, 7);
}
