#pragma once
/// The tape: whole-matrix operations recorded as the forward pass runs, replayed backwards for the gradients.

#include <cstddef>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "gmoe/autograd/variable.hpp"
#include "gmoe/core/error.hpp"

namespace gmoe {

/// Reverse-mode differentiation (Wengert list). Its memory is reused: a step that repeats allocates nothing.
template <class B>
class tape {
 public:
  tape() = default;
  tape(const tape&) = delete;
  tape& operator=(const tape&) = delete;
  ~tape() { clear(); }

  /// Records how a gradient flows: `step` runs once, in reverse order of recording, during backward().
  template <class Step>
  void record(Step step) {
    static_assert(alignof(Step) <= alignof(std::max_align_t));
    void* const memory = take(sizeof(Step));
    new (memory) Step(std::move(step));
    steps_.push_back({memory, [](void* m, bool run) {
                        struct destroyed_at_end {  // also when the step throws
                          Step& step;
                          ~destroyed_at_end() { step.~Step(); }
                        } s{*static_cast<Step*>(m)};
                        if (run) s.step();
                      }});
  }

  /// Puts off work of a running backward pass until all its steps are done: `step` runs once then, in the order of
  /// these calls. For gradients of parameters, which no other step waits for.
  template <class Step>
  void at_end(Step step) {
    record(std::move(step));
    last_.push_back(steps_.back());
    steps_.pop_back();
  }

  /// Fills the gradients of everything that `loss` (1 x 1) depends on, parameters' added to, and clears the tape:
  /// activations are released as soon as they have been used. After an exception gradients are undefined.
  void backward(const variable<B>& loss) {
    require(loss && loss.rows() == 1 && loss.cols() == 1, "tape::backward: the loss must be 1 x 1");
    require(loss.recorded_on() == this, "tape::backward: the loss was not recorded on this tape");
    const struct cleared_at_end {  // also when a step throws: the next pass starts from nothing
      tape& of;
      ~cleared_at_end() { of.clear(); }
    } cleared{*this};
    loss.add_gradient(matrix<B>::filled(1, 1, typename B::scalar(1)));
    while (!steps_.empty()) {
      const step s = steps_.back();
      steps_.pop_back();
      s.finish(s.memory, true);
    }
    for (std::size_t i = 0; i < last_.size(); ++i) {
      const step s = std::exchange(last_[i], step{});
      s.finish(s.memory, true);
    }
  }

  /// Forgets everything recorded.
  void clear() {
    take_back(0);
    for (const step& s : last_)
      if (s.memory != nullptr) s.finish(s.memory, false);
    last_.clear();
    chunk_ = used_ = 0;
  }

  bool empty() const { return steps_.empty(); }

  /// As long as one lives, an exception that passes takes back what was recorded meanwhile: a forward pass that fails
  /// leaves nothing behind. `on` may be null.
  class attempt {
   public:
    explicit attempt(tape* on) : on_(on), exceptions_(std::uncaught_exceptions()) {
      if (on_) steps_ = on_->steps_.size(), chunk_ = on_->chunk_, used_ = on_->used_;
    }
    attempt(const attempt&) = delete;
    attempt& operator=(const attempt&) = delete;
    ~attempt() {
      if (!on_ || std::uncaught_exceptions() <= exceptions_ || on_->steps_.size() <= steps_) return;
      on_->take_back(steps_);
      on_->chunk_ = chunk_, on_->used_ = used_;
    }

   private:
    tape* on_;
    int exceptions_;
    std::size_t steps_ = 0, chunk_ = 0, used_ = 0;
  };

 private:
  struct step {
    void* memory = nullptr;
    void (*finish)(void*, bool run) = nullptr;  ///< runs if asked, then destroys
  };
  static constexpr std::size_t chunk_bytes = std::size_t{64} << 10;

  /// Forgets the steps after the first `kept`, the last one first.
  void take_back(std::size_t kept) {
    while (steps_.size() > kept) {
      const step s = steps_.back();
      steps_.pop_back();
      s.finish(s.memory, false);
    }
  }

  void* take(std::size_t bytes) {
    constexpr std::size_t align = alignof(std::max_align_t);
    bytes = (bytes + align - 1) / align * align;
    require(bytes <= chunk_bytes, "tape::record: a step of ", bytes, " bytes captures too much by value");
    if (chunks_.empty() || used_ + bytes > chunk_bytes) {
      if (!chunks_.empty()) ++chunk_;
      if (chunk_ == chunks_.size()) chunks_.push_back(std::make_unique<std::byte[]>(chunk_bytes));
      used_ = 0;
    }
    void* const memory = chunks_[chunk_].get() + used_;
    used_ += bytes;
    return memory;
  }

  std::vector<step> steps_, last_;
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::size_t chunk_ = 0, used_ = 0;
};

/// The tape that any of the inputs is recorded on; null in inference.
template <class B, class... Rest>
tape<B>* tape_of(const variable<B>& first, const Rest&... rest) {
  tape<B>* found = nullptr;
  const auto look = [&](const variable<B>& v) {
    if (!v || v.recorded_on() == nullptr) return;
    require(found == nullptr || found == v.recorded_on(), "variables of two different tapes meet in one operation");
    found = v.recorded_on();
  };
  look(first);
  (look(rest), ...);
  return found;
}

/// The result of an operation on `inputs`: `value`, with `backward(y)` run when a gradient of y has arrived; or
/// `backward(y, value)`, for which the value is kept until then: in the first form `y` has none. Nothing is recorded
/// when no input needs a gradient.
template <class B, class Backward, class... Inputs>
variable<B> make_result(matrix<B> value, Backward backward, const variable<B>& first, const Inputs&... rest) {
  tape<B>* const on = tape_of(first, rest...);
  const auto needs = [](const variable<B>& v) { return v && v.needs_gradient(); };
  const bool any = on != nullptr && (needs(first) || ... || needs(rest));
  variable<B> y(std::move(value), on, any);
  if (!any) return y;
  if constexpr (std::is_invocable_v<Backward&, const variable<B>&, const matrix<B>&>)
    on->record([y, backward = std::move(backward)]() mutable {
      if (y.has_gradient()) backward(y, y.value());
    });
  else
    on->record([y = y.without_value(), backward = std::move(backward)]() mutable {
      if (y.has_gradient()) backward(y);
    });
  return y;
}

}  // namespace gmoe
