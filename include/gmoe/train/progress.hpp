#pragma once
/// A line that tells how far a run is. Silent when the output is not a terminal.

#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>

#include "gmoe/train/trainer.hpp"

namespace gmoe {

/// Seconds as "1:05" or "2:03:59".
inline std::string clock_text(double seconds) {
  const long s = std::lround(std::fmax(seconds, 0.0));
  char text[48];
  if (s >= 3600)
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
  else
    std::snprintf(text, sizeof text, "%ld:%02ld", s / 60, s % 60);
  return text;
}

/// Shows loss, perplexity, speed and time left on one line of stderr, rewritten a few times a second.
class progress_line {
 public:
  explicit progress_line(std::int64_t steps, std::string label = "", bool on = ::isatty(STDERR_FILENO) != 0)
      : steps_(steps), label_(std::move(label)), on_(on), begin_(clock::now()) {}
  progress_line(const progress_line&) = delete;
  progress_line& operator=(const progress_line&) = delete;
  ~progress_line() { clear(); }

  void show(const step_report& r) {
    ++seen_;
    tokens_ += r.tokens;
    // The last steps count most, so that the figure is steady but follows.
    smooth_ = seen_ == 1 ? r.language_loss : 0.9 * smooth_ + 0.1 * r.language_loss;
    const auto now = clock::now();
    if (!on_ || (now - last_ < std::chrono::milliseconds(200) && r.step + 1 < steps_)) return;
    last_ = now;
    const double elapsed = std::chrono::duration<double>(now - begin_).count();
    const double left = elapsed / static_cast<double>(seen_) * static_cast<double>(steps_ - r.step - 1);
    std::fprintf(stderr, "\r\033[K%sstep %lld/%lld  loss %.3f  perplexity %.2f  %.0f tokens/s  %s left", label_.c_str(),
                 static_cast<long long>(r.step + 1), static_cast<long long>(steps_), smooth_, std::exp(smooth_),
                 static_cast<double>(tokens_) / elapsed, clock_text(left).c_str());
    std::fflush(stderr);
    shown_ = true;
  }
  /// Removes the line, so that other output starts clean.
  void clear() {
    if (shown_) std::fprintf(stderr, "\r\033[K");
    shown_ = false;
  }

 private:
  using clock = std::chrono::steady_clock;
  std::int64_t steps_, seen_ = 0;
  std::string label_;
  bool on_, shown_ = false;
  clock::time_point begin_, last_{};
  index_t tokens_ = 0;
  double smooth_ = 0;
};

}  // namespace gmoe
