#pragma once
/// Variables: matrices whose gradient can be asked for.

#include <memory>
#include <utility>

#include "gmoe/autograd/parameter.hpp"
#include "gmoe/backend/matrix.hpp"
#include "gmoe/core/functions.hpp"

namespace gmoe {

template <class B>
class tape;

namespace detail {

/// What the handles of a variable have in common besides its value. Recycled through a free list, so that recording a
/// step allocates nothing.
template <class B>
struct node {
  index_t rows = 0, cols = 0;
  matrix<B> gradient;
  std::shared_ptr<matrix<B>> of_parameter;  ///< a parameter's gradient, in place of `gradient`
  tape<B>* recorded_on = nullptr;           ///< null: a constant, or inference
  bool needs_gradient = false;
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

/// A handle to a matrix in a computation; copies refer to the same matrix. Used within one thread. The value lives as
/// long as a handle that has it: what a backward pass does not read, it should not keep (see without_value).
template <class B>
class variable {
 public:
  using scalar = typename B::scalar;

  variable() = default;
  /// A constant.
  explicit variable(matrix<B> value) : value_(std::move(value)), node_(new detail::node<B>) {
    node_->references = 1;
    node_->rows = value_.rows();
    node_->cols = value_.cols();
  }
  /// A value recorded on a tape (null: none).
  variable(matrix<B> value, tape<B>* on, bool needs_gradient) : variable(std::move(value)) {
    node_->recorded_on = on;
    node_->needs_gradient = on != nullptr && needs_gradient;
  }
  /// A parameter in use on a tape (null: inference).
  variable(const parameter<B>& p, tape<B>* on) : variable(p.value(), on, p.trained()) {
    if (node_->needs_gradient) node_->of_parameter = p.gradient_place();
  }
  variable(const variable& other) : value_(other.value_), node_(other.node_) {
    if (node_) ++node_->references;
  }
  variable(variable&& other) noexcept : value_(std::move(other.value_)), node_(std::exchange(other.node_, nullptr)) {}
  variable& operator=(variable other) noexcept {
    std::swap(value_, other.value_);
    std::swap(node_, other.node_);
    return *this;
  }
  ~variable() {
    if (node_ && --node_->references == 0) delete node_;
  }

  /// False for a default-constructed variable: "nothing", such as an absent state.
  explicit operator bool() const { return node_ != nullptr; }
  index_t rows() const { return node_->rows; }
  index_t cols() const { return node_->cols; }
  index_t size() const { return rows() * cols(); }

  const matrix<B>& value() const {
    require(!value_.empty() || size() == 0, "variable::value: this handle was made without the value, of ", rows(),
            " x ", cols());
    return value_;
  }
  /// The same variable for who needs its shape and gradient only.
  variable without_value() const {
    variable v;
    v.node_ = node_;
    if (node_) ++node_->references;
    return v;
  }
  tape<B>* recorded_on() const { return node_->recorded_on; }
  bool needs_gradient() const { return node_->needs_gradient; }
  /// True for a parameter in use: nothing on the tape waits for its gradient.
  bool is_parameter() const { return node_->of_parameter != nullptr; }

  /// True once a contribution has arrived in the running backward pass; for a parameter, in this or an earlier one.
  bool has_gradient() const { return !gradient().empty(); }
  matrix<B>& gradient() const { return is_parameter() ? *node_->of_parameter : node_->gradient; }

  /// Where to add a contribution to this variable's gradient.
  gradient_sink<B> sink() const {
    matrix<B>& g = gradient();
    if (g.empty()) {
      g = matrix<B>(rows(), cols());
      return {&g, scalar(0)};
    }
    if (g.shared() && !is_parameter()) g = g.clone();
    return {&g, scalar(1)};
  }

  /// The gradient for a kernel that can only add: filled with zeros before the first contribution.
  matrix<B>& zeroed_sink() const {
    const gradient_sink<B> s = sink();
    if (s.beta == 0) B::fill(s.to->view(), scalar(0));
    return *s.to;
  }

  /// Adds `contribution`, sharing its buffer instead of copying where it is the first one.
  void add_gradient(const matrix<B>& contribution) const {
    if (!has_gradient() && !is_parameter()) {
      node_->gradient = contribution.reshaped(rows(), cols());
      return;
    }
    const gradient_sink<B> s = sink();
    B::map(s.to->view(), s.beta, fn::same{}, contribution.reshaped(rows(), cols()).view());
  }

 private:
  matrix<B> value_;
  detail::node<B>* node_ = nullptr;
};

}  // namespace gmoe
