#pragma once
/// Variables: matrices whose gradient can be asked for.

#include <utility>

#include "gmoe/autograd/parameter.hpp"
#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/functions.hpp"

namespace gmoe {

template <class B>
class tape;

namespace detail {

/// What a variable refers to. Recycled through a free list, so that recording a step allocates nothing.
template <class B>
struct node {
  matrix<B> value, gradient;
  tape<B>* recorded_on = nullptr;  ///< null: a constant, or inference
  bool needs_gradient = false;
  bool is_parameter = false;  ///< the gradient belongs to a parameter and is never replaced
  int references = 0;

  static void* operator new(std::size_t size) {
    if (free_list& list = free_list::of_this_thread(); list.head != nullptr) {
      void* const memory = list.head;
      list.head = *static_cast<void**>(memory);
      return memory;
    }
    return ::operator new(size);
  }
  static void operator delete(void* memory) {
    free_list& list = free_list::of_this_thread();
    *static_cast<void**>(memory) = list.head;
    list.head = memory;
  }

 private:
  struct free_list {
    void* head = nullptr;
    static free_list& of_this_thread() {
      thread_local free_list list;
      return list;
    }
    ~free_list() {
      while (head != nullptr) {
        void* const next = *static_cast<void**>(head);
        ::operator delete(head);
        head = next;
      }
    }
  };
};

}  // namespace detail

/// Where a gradient is to be written: to = beta * to + contribution. The first contribution has beta 0.
template <class B>
struct gradient_sink {
  matrix<B>* to = nullptr;
  typename B::scalar beta = 0;
};

/// A handle to a matrix in a computation; copies refer to the same matrix. Used within one thread.
template <class B>
class variable {
 public:
  using scalar = typename B::scalar;

  variable() = default;
  /// A constant.
  explicit variable(matrix<B> value) : node_(new detail::node<B>) {
    node_->references = 1;
    node_->value = std::move(value);
  }
  /// A value recorded on a tape (null: none).
  variable(matrix<B> value, tape<B>* on, bool needs_gradient) : variable(std::move(value)) {
    node_->recorded_on = on;
    node_->needs_gradient = on != nullptr && needs_gradient;
  }
  /// A parameter in use on a tape (null: inference).
  variable(parameter<B>& p, tape<B>* on) : variable(p.value(), on, true) {
    node_->is_parameter = true;
    if (on) node_->gradient = p.gradient();
  }
  variable(const variable& other) : node_(other.node_) {
    if (node_) ++node_->references;
  }
  variable(variable&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  variable& operator=(variable other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~variable() {
    if (node_ && --node_->references == 0) delete node_;
  }

  /// False for a default-constructed variable: "nothing", such as an absent state.
  explicit operator bool() const { return node_ != nullptr; }
  index_t rows() const { return node_->value.rows(); }
  index_t cols() const { return node_->value.cols(); }
  index_t size() const { return node_->value.size(); }

  const matrix<B>& value() const { return node_->value; }
  matrix<B>& value() { return node_->value; }
  tape<B>* recorded_on() const { return node_->recorded_on; }
  bool needs_gradient() const { return node_->needs_gradient; }

  /// True once a contribution has arrived in the running backward pass.
  bool has_gradient() const { return node_->is_parameter || !node_->gradient.empty(); }
  matrix<B>& gradient() const { return node_->gradient; }

  /// Where to add a contribution to this variable's gradient.
  gradient_sink<B> sink() const {
    matrix<B>& g = node_->gradient;
    if (node_->is_parameter) return {&g, scalar(1)};
    if (g.empty()) {
      g = matrix<B>(rows(), cols());
      return {&g, scalar(0)};
    }
    if (g.shared()) g = g.clone();
    return {&g, scalar(1)};
  }

  /// Adds `contribution`, sharing its buffer instead of copying where it is the first one.
  void add_gradient(const matrix<B>& contribution) const {
    matrix<B>& g = node_->gradient;
    if (g.empty() && !node_->is_parameter) {
      g = contribution.reshaped(rows(), cols());
      return;
    }
    const gradient_sink<B> s = sink();
    B::map(s.to->view(), s.beta, fn::same{}, contribution.reshaped(rows(), cols()).view());
  }

 private:
  detail::node<B>* node_ = nullptr;
};

}  // namespace gmoe
