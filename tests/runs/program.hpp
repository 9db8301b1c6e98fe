#pragma once
// Programs as a user runs them, in a fresh folder.

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "io/temp_folder.hpp"

namespace gmoe_test {

using words = std::vector<std::string>;

/// Waits up to a minute for a condition.
inline bool soon(const auto& condition) {
  for (int i = 0; i < 30000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  return condition();
}

struct workplace : temp_folder {
  workplace() {
    std::ofstream text(*this / "text.txt");
    for (int i = 0; i < 300; ++i) text << "Verse " << i << " of a text, " << i * i % 97 << " words long.\n";
    spill(*this / "in", "");
  }

  /// Runs it here, its input the file "in". `file_limit`: the longest file that it can write, as on a full disk.
  pid_t start(const words& command, rlim_t file_limit = RLIM_INFINITY) const {
    std::vector<const char*> argv;
    for (const auto& w : command) argv.push_back(w.c_str());
    argv.push_back(nullptr);
    spill(*this / "out", "");
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child > 0) return child;
    ::dup2(::open((*this / "in").c_str(), O_RDONLY), 0);
    ::dup2(::open((*this / "out").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
    ::dup2(::open((*this / "err").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
    if (file_limit != RLIM_INFINITY) {
      const rlimit limit{file_limit, file_limit};
      ::setrlimit(RLIMIT_FSIZE, &limit);
      ::signal(SIGXFSZ, SIG_IGN);
    }
    if (::chdir(path.c_str()) == 0) ::execv(argv[0], const_cast<char**>(argv.data()));
    ::_exit(127);
  }
  /// The exit status, or minus the signal that ended it.
  static int wait(pid_t child) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  int run(const words& command, rlim_t file_limit = RLIM_INFINITY) const { return wait(start(command, file_limit)); }
  std::string out() const { return slurp(*this / "out"); }
  std::string err() const { return slurp(*this / "err"); }
};

/// train on a very small model, for a few steps, where `more` does not say otherwise.
inline words train(const std::string& folder, const words& more = {}) {
  words all{GMOE_TRAIN_PROGRAM, "--text", "text.txt", "--checkpoint-dir", folder};
  const bool resume = std::find(more.begin(), more.end(), "--resume") != more.end();
  words defaults{"--steps", "12",       "--batch", "2",       "--sequence", "16",     "--d-model",
                 "16",      "--layers", "2",       "--heads", "2",          "--d-ff", "16"};
  const auto dense = [](const std::string& word) {
    return word == "dense" || word == "dense-relu" || word == "moa" || word == "h-1-heads";
  };
  if (std::none_of(more.begin(), more.end(), dense)) defaults.insert(defaults.end(), {"--experts", "4"});
  for (std::size_t i = 0; i < defaults.size() && !resume; i += 2)
    if (std::find(more.begin(), more.end(), defaults[i]) == more.end())
      all.insert(all.end(), {defaults[i], defaults[i + 1]});
  for (const words& pair : {words{"--threads", "1"}, {"--sample-tokens", "0"}, {"--checkpoint-every", "4"}})
    if (std::find(more.begin(), more.end(), pair[0]) == more.end()) all.insert(all.end(), pair.begin(), pair.end());
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

inline words sample(const std::string& checkpoint, const words& more = {}) {
  words all{GMOE_SAMPLE_PROGRAM, "--checkpoint", checkpoint, "--threads", "1", "--tokens", "20"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

inline words score(const std::string& checkpoint, const words& more = {}) {
  words all{GMOE_SCORE_PROGRAM, "--checkpoint", checkpoint, "--threads", "1", "--tasks", "q.jsonl"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

/// For score: four questions of two tasks, with choices of unlike lengths.
inline void write_questions(const workplace& w) {
  spill(w / "q.jsonl",
        "{\"context\": \"Verse\", \"choices\": [\" 1 of a text\", \" of\", \"rse\"], \"label\": 0}\n"
        "{\"context\": \"a\", \"choices\": [\" text\", \" words\"], \"label\": 1, \"task\": \"other\"}\n"
        "{\"context\": \"\", \"choices\": [\"zzzzz\", \"Verse\"], \"label\": 1, \"task\": \"other\"}\n"
        "{\"context\": \"Verse 7 of a text\", \"choices\": [\", 49\", \"49 ,\"], \"label\": 0}\n");
}

inline words with_buddies(const std::string& checkpoint, const words& more = {}) {
  words all{GMOE_BUDDIES_PROGRAM, "--checkpoint", checkpoint, "--validate", "text.txt", "--threads", "1",
            "--tokens",           "256"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

inline words paths(const std::string& checkpoint, const words& more = {}) {
  words all{GMOE_PATHS_PROGRAM, "--checkpoint", checkpoint, "--validate", "text.txt", "--threads", "1",
            "--tokens",         "256"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace gmoe_test
