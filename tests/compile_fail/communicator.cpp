// expect: gmoe: the communicator has no `int rank() const`
// expect: gmoe: the communicator has no `int size() const`
// expect: gmoe: the communicator has no `void barrier() const`
// expect: gmoe: the communicator has no `void broadcast(bytes_out all, int root) const`
// expect: gmoe: the communicator has no `void all_gather(bytes mine, bytes_out all, counts of) const`
// expect: gmoe: the communicator has no `void all_to_all(bytes mine, counts to, bytes_out yours, counts from) const`
// expect: gmoe: the communicator has no `void fail(std::string_view why) const noexcept`
// expect: gmoe: a communicator is a value that can be copied
#include "gmoe/ranks/communicator.hpp"

using namespace gmoe::ranks;

struct mended {
  int rank() const;
  int size() const;
  void barrier() const;
  void broadcast(bytes_out, int) const;
  void all_gather(bytes, bytes_out, counts) const;
  void all_to_all(bytes, counts, bytes_out, counts) const;
  void fail(std::string_view) const noexcept;
};
static_assert(check_communicator<mended>() && communicator<mended>);

struct other_number : mended {
  unsigned rank() const;
};
static_assert(check_communicator<other_number>());

struct not_const : mended {
  int size();
};
static_assert(check_communicator<not_const>());

struct misspelt : mended {
  void barrier() const = delete;
  void barier() const;
};
static_assert(check_communicator<misspelt>());

struct other_arguments : mended {
  void broadcast(bytes_out) const;
};
static_assert(check_communicator<other_arguments>());

struct without_lengths : mended {
  void all_gather(bytes, bytes_out) const;
};
static_assert(check_communicator<without_lengths>());

struct reads_only : mended {
  void all_to_all(bytes, counts, bytes, counts) = delete;
};
static_assert(check_communicator<reads_only>());

struct may_throw : mended {
  void fail(std::string_view) const;
};
static_assert(check_communicator<may_throw>());

struct not_copied : mended {
  not_copied(const not_copied&) = delete;
};
static_assert(check_communicator<not_copied>());
