// Threads that share a const model, and trainers beside each other, for a race detector: see run.sh races. Without
// OpenMP, whose runtime the detector does not understand.

#include <cstdio>
#include <thread>
#include <vector>

#include "gmoe/gmoe.hpp"
#include "gmoe/model/cards/scoring.hpp"

namespace {

using B = gmoe::cpu<float>;

const std::vector<std::uint8_t> text = [] {
  std::vector<std::uint8_t> ids;
  for (int i = 0; i < 300; ++i) ids.push_back(static_cast<std::uint8_t>((3 * i + i * i / 7) % 11));
  return ids;
}();

template <class Card>
auto small_model() {
  return gmoe::language_model<Card, B>(
      {.vocab = 11, .positions = 16, .d_model = 16, .layers = 2, .heads = 2, .d_ff = 16, .experts = 4});
}

template <class Card>
bool find_races(const char* name) {
  const auto shared = small_model<Card>();
  const auto ask = [&] {
    const std::vector<gmoe::id_type> prompt{1, 2, 3};
    const double loss = gmoe::evaluate(shared, std::span(text), 8, 2, 4).loss;
    return std::pair{loss, gmoe::generate(shared, std::span(prompt), {.tokens = 8})};
  };
  const auto train = [] {
    auto model = small_model<Card>();
    gmoe::trainer run(model, std::span(text), {.steps = 3, .batch = 2, .sequence = 8});
    while (!run.finished()) run.step();
    return gmoe::evaluate(model, std::span(text), 8, 2, 4).loss;
  };
  const auto asked = ask();
  const double trained = train();
  std::vector<int> same(8);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < same.size(); ++i)
    threads.emplace_back([&, i] { same[i] = i % 4 == 0 ? train() == trained : ask() == asked; });
  for (std::thread& t : threads) t.join();
  for (const int s : same)
    if (!s) return std::printf("%s: a thread came to other bits than one alone\n", name), false;
  std::printf("%s: 8 threads, the bits of one\n", name);
  return true;
}

}  // namespace

int main() {
  const bool good = find_races<gmoe::gmoe_card>("gmoe") & find_races<gmoe::switch_card>("switch") &
                    find_races<gmoe::loss_free_card>("loss-free");
  return good ? 0 : 1;
}
