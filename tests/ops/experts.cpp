#include "gmoe/ops/experts.hpp"

#include <doctest/doctest.h>

#include "ops/gradients.hpp"

using namespace gmoe;
using namespace gmoe_test;

namespace {

template <class Activation, bool FromOutput>
struct body {
  using activation = Activation;
  static constexpr bool slope_from_output = FromOutput;
};
using relu_body = body<fn::relu, true>;
using gelu_body = body<fn::gelu, false>;
using silu_body = body<fn::silu, false>;

const std::vector<index_t> first_unit{0, 3, 5, 9, 10};  // widths 3, 2, 4, 1
const std::vector<id_type> visible{2, 0, 1};            // the layer sees three of the bank's four

template <class B>
expert_layout<B> layout() {
  return {first_unit.data(), visible.data(), 3, 4};
}

template <class B>
dispatch<B> sorted(const std::vector<id_type>& choice, index_t tokens, index_t slots, index_t experts = 3) {
  dispatch<B> d{tokens,
                slots,
                experts,
                id_matrix<B>(1, tokens * slots),
                id_matrix<B>(tokens, slots),
                id_matrix<B>(1, experts + 1)};
  B::sort_pairs(d.order.view(), d.position.view(), d.offsets.view(), put_ids<B>(choice, tokens, slots).view());
  return d;
}

/// The same choices as numbers of the bank, token by token.
std::vector<std::vector<id_type>> in_bank(const std::vector<id_type>& choice, index_t slots) {
  std::vector<std::vector<id_type>> rows(choice.size() / static_cast<std::size_t>(slots));
  for (std::size_t p = 0; p < choice.size(); ++p)
    rows[p / static_cast<std::size_t>(slots)].push_back(
        choice[p] == no_choice ? no_choice : visible[static_cast<std::size_t>(choice[p])]);
  return rows;
}

template <class B, class Body>
void check_body(double (*act)(double)) {
  const index_t tokens = 6, slots = 2, d = 3;
  const std::vector<id_type> choice{0, 1, 2, 0, 1, no_choice, no_choice, no_choice, 0, 2, 0, 1};
  const dispatch<B> pairs = sorted<B>(choice, tokens, slots);
  const table x = random_table(tokens, d, 11), w = random_table(tokens, slots, 2, 0.2, 1),
              w_in = random_table(10, d, 3), w_out = random_table(10, d, 4);

  const operation<B> weighted = [&](const inputs<B>& in) {
    return apply_experts(Body{}, in[0], in[1], &pairs, in[2], in[3], layout<B>());
  };
  const operation<B> plain = [&](const inputs<B>& in) {
    return apply_experts(Body{}, in[0], variable<B>(), &pairs, in[1], in[2], layout<B>());
  };
  const operation<B> dense = [&](const inputs<B>& in) {
    return apply_experts(Body{}, in[0], variable<B>(), nullptr, in[1], in[2],
                         expert_layout<B>{first_unit.data(), visible.data(), 1, 4});
  };
  CHECK(difference(evaluate<B>(weighted, {x, w, w_in, w_out}),
                   experts(x, in_bank(choice, slots), w, first_unit, w_in, w_out, act)) < 1e-13);
  CHECK(difference(evaluate<B>(plain, {x, w_in, w_out}),
                   experts(x, in_bank(choice, slots), table(), first_unit, w_in, w_out, act)) < 1e-13);
  CHECK(difference(evaluate<B>(dense, {x, w_in, w_out}), experts(x, std::vector<std::vector<id_type>>(6, {visible[0]}),
                                                                 table(), first_unit, w_in, w_out, act)) < 1e-13);
  CHECK(gradient_error<B>(weighted, {x, w, w_in, w_out}) < 1e-8);
  CHECK(gradient_error<B>(plain, {x, w_in, w_out}) < 1e-8);
  CHECK(gradient_error<B>(dense, {x, w_in, w_out}) < 1e-8);
}

}  // namespace

TEST_CASE_TEMPLATE("ops/experts: the weighted sum of the chosen experts, and every gradient", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  SUBCASE("relu") {
    check_body<B, relu_body>([](double v) { return v > 0 ? v : 0; });
  }
  SUBCASE("gelu") { check_body<B, gelu_body>(gmoe_test::gelu); }
  SUBCASE("silu") {
    check_body<B, silu_body>([](double v) { return v * gmoe_test::sigmoid(v); });
  }
}

TEST_CASE_TEMPLATE("ops/experts: a dropped pair adds nothing and its weight has no gradient", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  const dispatch<B> pairs = sorted<B>({0, no_choice, no_choice, 2}, 2, 2);
  parameter<B> x("x", put<B>(random_table(2, 3, 1))), w("w", put<B>(random_table(2, 2, 2, 0.2, 1)));
  const variable<B> w_in = constant<B>(random_table(10, 3, 3)), w_out = constant<B>(random_table(10, 3, 4));
  tape<B> t;
  t.backward(sum(apply_experts(gelu_body{}, variable<B>(x, &t), variable<B>(w, &t), &pairs, w_in, w_out, layout<B>())));
  const table dw = get(w.gradient());
  CHECK(dw(0, 0) != 0);
  CHECK(dw(0, 1) == 0);
  CHECK(dw(1, 0) == 0);
  CHECK(dw(1, 1) != 0);
}

TEST_CASE_TEMPLATE("ops/experts: two layers may see different experts of one bank", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const std::vector<id_type> other{3, 1};
  const dispatch<B> pairs = sorted<B>({0, 1, 1, 0}, 4, 1);
  dispatch<B> two = pairs;
  two.experts = 2;
  const operation<B> f = [&](const inputs<B>& in) {
    dispatch<B> first = pairs;
    const variable<B> y = apply_experts(gelu_body{}, in[0], variable<B>(), &first, in[1], in[2], layout<B>());
    return apply_experts(gelu_body{}, y, variable<B>(), &two, in[1], in[2],
                         expert_layout<B>{first_unit.data(), other.data(), 2, 2});
  };
  CHECK(gradient_error<B>(f, {random_table(4, 3, 1), random_table(10, 3, 3), random_table(10, 3, 4)}) < 1e-8);
}

TEST_CASE_TEMPLATE("ops/experts: layers that see the whole bank write its gradients first, and add to them later", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  const std::vector<id_type> everyone{3, 0, 2, 1};
  const dispatch<B> pairs = sorted<B>({0, 1, 3, no_choice, 0, 1}, 6, 1, 4);  // nobody goes to the third
  const dispatch<B> some = sorted<B>({0, 1, 2, 0, 1, no_choice}, 6, 1);
  layer_gradients<B> waiting;
  for (layer_gradients<B>* put_off : {static_cast<layer_gradients<B>*>(nullptr), &waiting}) {
    const expert_layout<B> whole{first_unit.data(), everyone.data(), 4, 4, put_off};
    expert_layout<B> part = layout<B>();
    part.put_off = put_off;
    const operation<B> two_layers = [&](const inputs<B>& in) {
      const variable<B> y = apply_experts(gelu_body{}, in[0], variable<B>(), &some, in[1], in[2], part);
      return apply_experts(gelu_body{}, y, variable<B>(), &pairs, in[1], in[2], whole);
    };
    const table x = random_table(6, 3, 1), in = random_table(10, 3, 3), out = random_table(10, 3, 4);
    CHECK(gradient_error<B>(two_layers, {x, in, out}) < 1e-8);

    parameter<B> w_in("w_in", put<B>(in)), w_out("w_out", put<B>(out));
    const auto pass = [&](bool needs_in, bool needs_out) {
      tape<B> t;
      const auto use = [&](parameter<B>& p, bool needed) {
        return needed ? variable<B>(p, &t) : variable<B>(p.value(), nullptr, false);
      };
      t.backward(sum(square(apply_experts(gelu_body{}, constant<B>(x), variable<B>(), &pairs, use(w_in, needs_in),
                                          use(w_out, needs_out), whole))));
    };
    pass(true, true);
    const table g_in = get(w_in.gradient()), g_out = get(w_out.gradient());
    const auto twice = [](const table& g) { return each([](double v) { return 2 * v; }, g); };
    w_in.forget_gradient();
    pass(true, true);  // one of them is the first contribution, the other is not
    CHECK(difference(get(w_in.gradient()), g_in) < 1e-13);
    CHECK(difference(get(w_out.gradient()), twice(g_out)) < 1e-13);
    for (parameter<B>* p : {&w_in, &w_out}) p->forget_gradient();
    pass(false, true);  // one of them is not asked for
    CHECK_FALSE(w_in.has_gradient());
    CHECK(difference(get(w_out.gradient()), g_out) < 1e-13);
    pass(true, false);
    CHECK(difference(get(w_in.gradient()), g_in) < 1e-13);
    CHECK(difference(get(w_out.gradient()), g_out) < 1e-13);
  }
}

TEST_CASE_TEMPLATE("ops/experts: without choices there is one expert", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const auto x = constant<B>(random_table(2, 3, 1)), w = constant<B>(random_table(10, 3, 2));
  CHECK_THROWS_WITH_AS(apply_experts(gelu_body{}, x, variable<B>(), nullptr, w, w, layout<B>()),
                       "apply_experts: without choices every token goes to one expert, but there are 3", config_error);
}

TEST_CASE_TEMPLATE("ops/experts: gradients of shared experts can be put off to the end of the backward pass", B,
                   GMOE_TEST_DOUBLE_BACKENDS) {
  const std::vector<id_type> others{3, 1};
  const std::vector<id_type> choice{0, 1, 1, 2, 0, 0};
  const dispatch<B> three = sorted<B>(choice, 6, 1);
  dispatch<B> two = sorted<B>({1, 0, 1, 1, no_choice, 0}, 6, 1);
  two.experts = 2;
  parameter<B> x("x", put<B>(random_table(6, 3, 1))), w_in("w_in", put<B>(random_table(10, 3, 3))),
      w_out("w_out", put<B>(random_table(10, 3, 4)));
  layer_gradients<B> waiting;
  const auto loss = [&](tape<B>& t, layer_gradients<B>* put_off) {
    variable<B> u(x, &t);
    for (const bool all : {true, true, false, true}) {  // layers that see three of the experts, and two others
      const expert_layout<B> seen = all ? expert_layout<B>{first_unit.data(), visible.data(), 3, 4, put_off}
                                        : expert_layout<B>{first_unit.data(), others.data(), 2, 2, put_off};
      const dispatch<B> pairs = all ? three : two;
      u = add(
          u, apply_experts(gelu_body{}, u, variable<B>(), &pairs, variable<B>(w_in, &t), variable<B>(w_out, &t), seen));
    }
    return sum(square(u));
  };
  const auto gradients = [&](layer_gradients<B>* put_off) {
    tape<B> t;
    t.backward(loss(t, put_off));
    table all(0, 1);
    for (parameter<B>* p : {&x, &w_in, &w_out}) {
      const table g = get(p->gradient());
      all.values.insert(all.values.end(), g.values.begin(), g.values.end());
      p->forget_gradient();
    }
    all.rows = static_cast<index_t>(all.values.size());
    return all;
  };
  const table expected = gradients(nullptr);
  CHECK(difference(gradients(&waiting), expected) < 1e-13);

  // A pass that fails half-way leaves nothing behind for the next one.
  {
    tape<B> t;
    const variable<B> start(x, &t);
    const variable<B> failing = make_result(
        start.value().clone(), [](const variable<B>&) { throw numeric_error("half-way"); }, start);
    const dispatch<B> pairs = three;
    const variable<B> y =
        apply_experts(gelu_body{}, failing, variable<B>(), &pairs, variable<B>(w_in, &t), variable<B>(w_out, &t),
                      expert_layout<B>{first_unit.data(), visible.data(), 3, 4, &waiting});
    CHECK_THROWS_WITH_AS(t.backward(sum(y)), "half-way", numeric_error);
    CHECK(t.empty());
    w_in.forget_gradient();
    x.forget_gradient();
    CHECK(difference(gradients(&waiting), expected) < 1e-13);  // although the tape that failed is still there
  }
  for (double g : get(w_in.gradient()).values) CHECK(g == 0);
  CHECK(difference(gradients(&waiting), expected) < 1e-13);

  // Weights that something computed cannot wait: their gradient goes on from there.
  const operation<B> f = [&](const inputs<B>& in) {
    const dispatch<B> pairs = three;
    return apply_experts(gelu_body{}, in[0], variable<B>(), &pairs, in[1], in[2],
                         expert_layout<B>{first_unit.data(), visible.data(), 3, 4, &waiting});
  };
  CHECK(gradient_error<B>(f, {random_table(6, 3, 1), random_table(10, 3, 3), random_table(10, 3, 4)}) < 1e-8);
}

TEST_CASE_TEMPLATE("ops/experts: no tokens, no work: gradients are zero", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const dispatch<B> pairs = sorted<B>({}, 0, 2);
  for (const bool dense : {true, false}) {
    parameter<B> x("x", matrix<B>(0, 3)), w_in("w_in", put<B>(random_table(10, 3, 3))),
        w_out("w_out", put<B>(random_table(10, 3, 4)));
    tape<B> t;
    const expert_layout<B> seen = dense ? expert_layout<B>{first_unit.data(), visible.data(), 1, 4} : layout<B>();
    const variable<B> y = apply_experts(gelu_body{}, variable<B>(x, &t), variable<B>(), dense ? nullptr : &pairs,
                                        variable<B>(w_in, &t), variable<B>(w_out, &t), seen);
    CHECK((y.rows() == 0 && y.cols() == 3));
    t.backward(sum(y));
    for (double g : get(w_in.gradient()).values) CHECK(g == 0);
    for (double g : get(w_out.gradient()).values) CHECK(g == 0);
  }
}

TEST_CASE_TEMPLATE("ops/experts: sizes must fit", B, GMOE_TEST_DOUBLE_BACKENDS) {
  const auto c = [](index_t rows, index_t cols) { return constant<B>(table(rows, cols)); };
  const dispatch<B> pairs = sorted<B>({0, 1}, 2, 1);
  const variable<B> none;
  CHECK_THROWS_AS(apply_experts(relu_body{}, c(2, 4), none, &pairs, c(10, 3), c(10, 4), layout<B>()), config_error);
  CHECK_THROWS_AS(apply_experts(relu_body{}, c(2, 4), none, &pairs, c(10, 4), c(9, 4), layout<B>()), config_error);
  CHECK_THROWS_AS(apply_experts(relu_body{}, c(3, 4), none, &pairs, c(10, 4), c(10, 4), layout<B>()), config_error);
  CHECK_THROWS_AS(apply_experts(relu_body{}, c(2, 4), c(2, 2), &pairs, c(10, 4), c(10, 4), layout<B>()), config_error);
}
