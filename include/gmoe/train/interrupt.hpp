#pragma once
/// Ctrl-C as a request: finish the step, save, stop.

#include <csignal>

namespace gmoe {

/// While it lives, SIGINT and SIGTERM only set a flag; a second one ends the program as usual.
class interrupt_guard {
 public:
  interrupt_guard() {
    requested_ = 0;
    previous_int_ = std::signal(SIGINT, note);
    previous_term_ = std::signal(SIGTERM, note);
  }
  interrupt_guard(const interrupt_guard&) = delete;
  interrupt_guard& operator=(const interrupt_guard&) = delete;
  ~interrupt_guard() {
    std::signal(SIGINT, previous_int_);
    std::signal(SIGTERM, previous_term_);
  }
  bool requested() const { return requested_ != 0; }

 private:
  static void note(int signal) {
    requested_ = 1;
    std::signal(signal, SIG_DFL);
  }
  inline static volatile std::sig_atomic_t requested_ = 0;
  void (*previous_int_)(int);
  void (*previous_term_)(int);
};

}  // namespace gmoe
