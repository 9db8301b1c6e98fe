#pragma once
/// A function that is called while somebody else holds it.

#include <memory>
#include <type_traits>
#include <utility>

namespace gmoe {

/// For parameters of functions that are compiled once whatever they call: a reference to a function object, such as a
/// lambda, which must outlive it. Allocates nothing.
template <class Signature>
class function_ref;

template <class R, class... A>
class function_ref<R(A...)> {
 public:
  // One for each lambda of each card would be a function of its own otherwise.
  template <class F>
  requires(std::is_class_v<std::remove_reference_t<F>> && !std::is_same_v<std::remove_cvref_t<F>, function_ref> &&
           std::is_invocable_r_v<R, F&, A...>) [[gnu::always_inline]] function_ref(F&& f)
      : what_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))), call_([](void* what, A... a) -> R {
          return (*static_cast<std::add_pointer_t<F>>(what))(std::forward<A>(a)...);
        }) {}

  R operator()(A... a) const { return call_(what_, std::forward<A>(a)...); }

 private:
  void* what_;
  R (*call_)(void*, A...);
};

}  // namespace gmoe
