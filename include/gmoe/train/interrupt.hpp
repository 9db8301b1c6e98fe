#pragma once
/// Ctrl-C as a request: finish the step, save, stop.

#include <csignal>
#include <ctime>

namespace gmoe {

/// While it lives, SIGINT and SIGTERM only set a flag; one that comes seconds later ends the program as usual. At once,
/// it is the same request again: some tools signal a process and then its group.
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
    const std::time_t now = std::time(nullptr);
    if (requested_ == 0) first_ = now;
    const bool insists = requested_ != 0 && now - first_ >= 2;
    requested_ = 1;
    std::signal(signal, insists ? SIG_DFL : note);
    if (insists) std::raise(signal);
  }
  inline static volatile std::sig_atomic_t requested_ = 0;
  inline static volatile std::time_t first_ = 0;
  void (*previous_int_)(int);
  void (*previous_term_)(int);
};

}  // namespace gmoe
