#pragma once
/// A mixture of feed-forward experts: y_t = sum over t's chosen experts of w_te W_out,e' act(W_in,e x_t).

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "gmoe/autograd/tape.hpp"
#include "gmoe/backend/dispatch.hpp"

namespace gmoe {

template <class B>
class layer_gradients;

/// Where a layer's experts lie in a bank: ids, widths. Plain numbers, valid as long as the bank, or for as long as
/// somebody has the layout if it holds their owners.
template <class B>
struct expert_layout {
  const index_t* first_unit = nullptr;  ///< of every expert of the bank, and one past the last
  const id_type* visible = nullptr;     ///< bank ids of the layer's experts
  index_t experts = 0;
  index_t widest = 0;
  layer_gradients<B>* put_off = nullptr;  ///< where gradients wait for those of other layers; null: they do not
  /// What the pointers point into: it has to be there in the backward pass, wherever the model has gone by then.
  std::array<std::shared_ptr<const void>, 2> owners{};

  template <class T>
  expert_view<T> over(matrix_view<T> w_in, matrix_view<T> w_out) const {
    return {w_in, w_out, first_unit, visible, experts, widest};
  }
  /// True if the experts are all those of a bank of `units` hidden units.
  bool is_whole(index_t units) const {
    for (const id_type* e = visible; e != visible + experts; ++e) units -= first_unit[*e + 1] - first_unit[*e];
    return units == 0;
  }
  bool same_experts(const expert_layout& other) const {
    return std::equal(visible, visible + experts, other.visible, other.visible + other.experts);
  }
};

/// What one layer's use of experts leaves for the gradients of their weights.
template <class B>
struct layer_gradient {
  variable<B> x, weights, w_in, w_out;  ///< weights: or nothing
  matrix<B> hidden, d_hidden, pair_dy;  ///< P rows; those of the first two lie B::row_stride apart
  dispatch<B> pairs;                    ///< of no experts: every token went to expert 0
  expert_layout<B> layout;

  typename B::pair_list list() const {
    using scalar = typename B::scalar;
    if (pairs.experts == 0) return {};
    return {pairs.order.data(), pairs.position.data(), pairs.offsets_on_host(), pairs.slots,
            weights ? weights.value().view() : matrix_view<const scalar>{}};
  }
  /// The columns in use, P x widest.
  matrix_view<typename B::scalar> units(matrix<B>& of) const { return of.view().col_block(0, layout.widest); }
  matrix_view<const typename B::scalar> units(const matrix<B>& of) const {
    return of.view().col_block(0, layout.widest);
  }
  /// What the backend adds up.
  typename B::weight_job job() const {
    return {x.value().view(), pair_dy.view(), units(hidden), units(d_hidden), list()};
  }
};

namespace detail {

/// A matrix to add to, and one that is thrown away where nobody asks for the gradient.
template <class B>
struct weight_sink {
  explicit weight_sink(const variable<B>& w) {
    if (w.needs_gradient()) {
      const auto s = w.sink();
      to = s.to->view();
      beta = s.beta;
    } else {
      unused = matrix<B>(w.rows(), w.cols());
      to = unused.view();
    }
  }
  matrix<B> unused;
  matrix_view<typename B::scalar> to;
  typename B::scalar beta = 0;
};

/// Adds the gradients of layers that see the same experts to those of their weights, or writes them if they are the
/// first and there is nothing else.
template <class B>
void add_weight_gradients(std::span<const typename B::weight_job> jobs, const variable<B>& w_in,
                          const variable<B>& w_out, const expert_layout<B>& layout) {
  using scalar = typename B::scalar;
  const weight_sink<B> in(w_in), out(w_out);
  const scalar beta = in.beta == 0 && out.beta == 0 && layout.is_whole(w_in.rows()) ? scalar(0) : scalar(1);
  if (beta != 0)
    for (const weight_sink<B>* s : {&in, &out})
      if (s->beta == 0) B::fill(s->to, scalar(0));
  B::expert_weight_gradients(layout.over(in.to, out.to), beta, jobs);
}

}  // namespace detail

/// Experts that several layers share get the gradients of their weights at the end of the backward pass, for all layers
/// at once: an expert's gradient is then made while it lies in cache, instead of being fetched again for every layer.
template <class B>
class layer_gradients {
 public:
  /// Keeps what a layer left until the running backward pass of `on` ends.
  void add(tape<B>& on, layer_gradient<B> left) {
    if (layers_.empty()) on.at_end(at_end{this, left.layout.owners});
    layers_.push_back(std::move(left));
  }

 private:
  /// Runs when all layers are there; forgets them in any case.
  struct at_end {
    layer_gradients* of;
    std::array<std::shared_ptr<const void>, 2> owners;  ///< layers_ may hold the last of the others
    at_end(layer_gradients* g, const std::array<std::shared_ptr<const void>, 2>& o) : of(g), owners(o) {}
    at_end(at_end&& other) noexcept : of(std::exchange(other.of, nullptr)), owners(std::move(other.owners)) {}
    ~at_end() {
      if (of) of->layers_.clear();
    }
    void operator()() { of->make(); }
  };

  void make() {
    for (std::size_t first = 0; first < layers_.size();) {  // layers that see the same experts lie side by side
      jobs_.clear();
      std::size_t next = first;
      const layer_gradient<B>& l = layers_[first];
      for (; next < layers_.size() && layers_[next].layout.same_experts(l.layout); ++next)
        jobs_.push_back(layers_[next].job());
      detail::add_weight_gradients<B>(jobs_, l.w_in, l.w_out, l.layout);
      first = next;
    }
  }

  std::vector<layer_gradient<B>> layers_;
  std::vector<typename B::weight_job> jobs_;
};

/// x: T x d; weights: T x K or nothing (weight 1); `pairs` sorts the choices by expert, null: every token goes to
/// the only expert (a dense layer). w_in, w_out: units x d. With dy the gradient of y:
///     dw_te = <dy_t, E_e(x_t)>     dE = w_te dy_t, through the two products and the activation
template <class B, class Body>
variable<B> apply_experts(Body, const variable<B>& x, const variable<B>& weights,
                          std::type_identity_t<const dispatch<B>*> pairs, const variable<B>& w_in,
                          const variable<B>& w_out, const expert_layout<B>& layout) {
  using activation = typename Body::activation;
  constexpr bool keeps_output = Body::slope_from_output;
  require(w_in.cols() == x.cols() && w_out.cols() == x.cols() && w_in.rows() == w_out.rows(),
          "apply_experts: weights of ", w_in.rows(), " x ", w_in.cols(), " and ", w_out.rows(), " x ", w_out.cols(),
          " for an input of ", x.cols(), " columns");
  require(!pairs || (pairs->tokens == x.rows() && pairs->experts == layout.experts), "apply_experts: choices of ",
          pairs ? pairs->tokens : 0, " tokens among ", pairs ? pairs->experts : 0, " experts, but there are ", x.rows(),
          " tokens and ", layout.experts, " experts");
  require(pairs || layout.experts == 1, "apply_experts: without choices every token goes to one expert, but there are ",
          layout.experts);
  require(!weights || (pairs && weights.rows() == pairs->tokens && weights.cols() == pairs->slots),
          "apply_experts: the weights must have the shape of the choices");
  layer_gradient<B> left{x,
                         weights,
                         w_in,
                         w_out,
                         matrix<B>(pairs ? pairs->count() : x.rows(), B::row_stride(layout.widest)),
                         {},
                         {},
                         pairs ? *pairs : dispatch<B>{},
                         layout};
  matrix<B> y(x.rows(), x.cols());
  B::template experts_forward<keeps_output>(activation{}, y.view(), left.units(left.hidden), x.value().view(),
                                            left.list(), layout.over(w_in.value().view(), w_out.value().view()));
  return make_result(
      std::move(y),
      [left = std::move(left)](const variable<B>& y) mutable {
        using scalar = typename B::scalar;
        const variable<B>&x = left.x, &weights = left.weights, &w_in = left.w_in, &w_out = left.w_out;
        const matrix<B>& dy = y.gradient();
        const bool all = left.pairs.experts == 0;
        left.d_hidden = matrix<B>(left.hidden.rows(), left.hidden.cols());
        left.pair_dy = all ? dy : matrix<B>(left.hidden.rows(), x.cols());
        matrix<B> dw;
        if (weights && weights.needs_gradient()) dw = matrix<B>::filled(weights.rows(), weights.cols(), scalar(0));
        matrix_view<scalar> dx;
        scalar beta = 0;
        if (x.needs_gradient()) {
          const auto s = x.sink();
          dx = s.to->view();
          beta = s.beta;
        }
        B::template experts_backward<keeps_output>(
            activation{}, x.needs_gradient() ? &dx : nullptr, beta, dw.view(), left.units(left.d_hidden),
            all ? matrix_view<scalar>{} : left.pair_dy.view(), dy.view(), left.units(left.hidden), left.list(),
            left.layout.over(w_in.value().view(), w_out.value().view()));
        if (!dw.empty()) weights.add_gradient(dw);

        const bool shared = left.layout.put_off && w_in.is_parameter() && w_out.is_parameter();
        if (shared) {
          layer_gradients<B>& put_off = *left.layout.put_off;
          return put_off.add(*y.recorded_on(), std::move(left));
        }
        typename B::weight_job job = left.job();
        detail::add_weight_gradients<B>({&job, 1}, w_in, w_out, left.layout);
      },
      x, weights, w_in, w_out);
}

}  // namespace gmoe
