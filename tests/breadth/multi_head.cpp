// A mixture with several heads (Wu et al. 2024) as a form: every token is cut into parts that are routed on their own.
#include "breadth/check.hpp"
#include "gmoe/nn/linear.hpp"
#include "gmoe/ops/reshape.hpp"

using namespace gmoe;

namespace {

struct multi_head {
  using slot = slots::form;
  index_t heads = 2;
  static constexpr auto fields = std::tuple{field{"heads", &multi_head::heads, "parts of a token", at_least(1)}};

  template <class B>
  struct layer {
    nn::linear<B> cut, merge;
  };
  template <class B>
  layer<B> make_layer(const builder<B>& make, const layer_shape& l) const {
    return {nn::linear<B>::make(make.scope("cut"), l.d_model, l.d_model, l.initializer_range),
            nn::linear<B>::make(make.scope("merge"), l.d_model, l.d_model, l.initializer_range)};
  }
  layer_shape parts(layer_shape l) const {
    require(l.d_model % heads == 0, "multi_head: d_model = ", l.d_model, " cannot be cut into ", heads, " heads");
    l.d_model /= heads;
    return l;
  }
  template <class B>
  variable<B> operator()(const place<B>& at, auto& parts, const variable<B>& x, const auto& my) const {
    const variable<B> cut = reshape(my.layer.cut(at, x), x.rows() * heads, x.cols() / heads);
    const routing<B>& r = parts.route(at, cut);
    return my.layer.merge(at, reshape(parts.experts(at, cut, r), x.rows(), x.cols()));
  }
};

}  // namespace

TEST_CASE("breadth/multi_head: gradients, and a routing of parts of tokens") {
  using card = with<smoe_card, multi_head>;
  for (const auto& r : gmoe_test::check_gradients_of<card>().routings) CHECK(r.chosen.rows() == 2 * 2 * 5);
  sizes s = gmoe_test::small_sizes();
  CHECK(gmoe_test::config_message([&] {
          gmoe::language_model<card, gmoe_test::model_backend>(s, gmoe::card<card>(multi_head{.heads = 3}));
        }) == "multi_head: d_model = 8 cannot be cut into 3 heads");
  language_model<card, gmoe_test::model_backend> model(s);
  CHECK(gmoe_test::named(model, "experts.w_in").cols() == 4);
  gmoe_test::check_padding(model, true);
}
