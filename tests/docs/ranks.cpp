// The code of docs/ranks.md: training on several ranks, and a communicator of one's own.
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/compiled/models.hpp"
#include "gmoe/ranks/threads.hpp"
#include "gmoe/train/trainer.hpp"
#include "io/temp_folder.hpp"
#include "ranks/exchange.hpp"

namespace {

using gmoe::ranks::bytes, gmoe::ranks::bytes_out, gmoe::ranks::counts;
namespace fs = std::filesystem;

// [folder]
/// Ranks that meet in a folder, which may be one of several machines: slow, and all that a communicator needs.
struct in_folder {
  fs::path folder;
  int me, all;
  std::shared_ptr<int> calls = std::make_shared<int>(0);

  int rank() const { return me; }
  int size() const { return all; }
  void barrier() const {
    exchange([](int) { return bytes(); });
  }
  void broadcast(bytes_out data, int root) const {
    put(exchange([&](int) { return me == root ? data : bytes_out(); }), data);
  }
  void all_gather(bytes mine, bytes_out data, counts) const {
    put(exchange([&](int) { return mine; }), data);
  }
  void all_to_all(bytes mine, counts to, bytes_out yours, counts) const {
    put(exchange([&](int r) {
          const auto part = mine.first(to[static_cast<std::size_t>(r)]);
          mine = mine.subspan(part.size());
          return part;
        }),
        yours);
  }
  void fail(std::string_view why) const noexcept {
    const auto unfinished = folder / gmoe::concat("failure~", me);
    std::ofstream(unfinished) << "rank " << me << " failed: " << why << std::flush;
    std::error_code ignored;
    fs::rename(unfinished, folder / "failure", ignored);
  }

 private:
  /// Call 7 from rank 0 to rank 2 is the file 7.0.2.
  fs::path file(int call, int from, int to) const { return folder / gmoe::concat(call, '.', from, '.', to); }

  /// Writes `part_for(r)` for every rank r; returns what all wrote for this one, in a row.
  std::string exchange(auto part_for) const {
    const int call = ++*calls;
    for (int r = 0; r < all; ++r) {
      const bytes part = part_for(r);
      const auto unfinished = file(call, me, r).concat("~");
      std::ofstream(unfinished, std::ios::binary).write(reinterpret_cast<const char*>(part.data()), std::ssize(part));
      fs::rename(unfinished, file(call, me, r));
      fs::remove(file(call - 2, me, r));  // who wrote what was read for call - 1 had read this
    }
    std::string theirs;
    for (int r = 0; r < all; ++r) {
      for (; !fs::exists(file(call, r, me)); std::this_thread::sleep_for(std::chrono::milliseconds(1)))
        if (std::ifstream failure(folder / "failure"); failure)
          throw gmoe::rank_error(std::string(std::istreambuf_iterator<char>(failure), {}));
      std::ifstream in(file(call, r, me), std::ios::binary);
      theirs.append(std::istreambuf_iterator<char>(in), {});
    }
    return theirs;
  }
  static void put(const std::string& from, bytes_out to) {
    gmoe::require<gmoe::rank_error>(from.size() == to.size(), from.size(), " bytes came, expected ", to.size());
    std::memcpy(to.data(), from.data(), to.size());
  }
};
static_assert(gmoe::ranks::communicator<in_folder>);
// [/folder]

using backend = gmoe::cpu<float>;
const gmoe::sizes shape{
    .vocab = 256, .positions = 16, .d_model = 16, .layers = 2, .heads = 2, .d_ff = 32, .experts = 4};

// [train]
/// Trains on the ranks of `here`, each of which calls it, and returns the last loss: the same on all.
template <class Ranks>
double train(std::span<const std::uint8_t> text, const Ranks& here) {
  const auto model = gmoe::make_model<backend>("gmoe", shape);
  gmoe::trainer run(*model, text, {.steps = 3, .batch = 2, .sequence = 16, .accumulation = 4}, here);
  double loss = 0;
  while (!run.finished()) loss = run.step().loss;
  return loss;
}
// [/train]

// [threads]
double on_two_threads(std::span<const std::uint8_t> text) {
  double loss = 0;
  gmoe::ranks::run_on_threads(2, [&](gmoe::ranks::threads here) {
    gmoe::cpu<float>::set_threads(1);  // of each rank
    const double mine = train(text, here);
    if (here.rank() == 0) loss = mine;
  });
  return loss;
}
// [/threads]

void check(bool ok, const char* what) {
  if (ok) return;
  std::cerr << what << '\n';
  std::exit(1);
}

/// f(in_folder) on three ranks that share nothing else.
void in_three(const std::filesystem::path& folder, const auto& f) {
  std::vector<std::jthread> others;
  for (int r = 0; r < 3; ++r) others.emplace_back([&, r] { f(in_folder{folder, r, 3}); });
}

}  // namespace

int main() {
  backend::set_threads(1);
  std::vector<std::uint8_t> text(2000);
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<std::uint8_t>(i * i % 251);
  const double one = train(std::span<const std::uint8_t>(text), gmoe::ranks::alone{});
  check(on_two_threads(text) == one, "two threads have another loss than one rank");

  const gmoe_test::temp_folder folder;
  in_three(folder.path, [&](const in_folder& here) {
    backend::set_threads(1);
    const std::string wrong = gmoe_test::wrong_with(here);
    check(wrong.empty(), wrong.c_str());
    check(train(std::span<const std::uint8_t>(text), here) == one, "a folder has another loss than one rank");
    if (here.rank() == 1) return here.fail("enough");
    try {
      here.barrier();
      check(false, "a rank does not hear of another's failure");
    } catch (const gmoe::rank_error& e) {
      check(std::string_view(e.what()) == "rank 1 failed: enough", e.what());
    }
  });
}
