// A training step in its steady state takes nothing from the heap: tape, activations, gradients and scratch memory are
// reused. A program of its own, because it counts every allocation. Products by Eigen: what another provider allocates
// inside a product (oneDNN's packing buffers) is not ours to count.

#undef GMOE_GEMM_ONEDNN
#undef GMOE_GEMM_BLAS

#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <vector>

#include "gmoe/backend/cpu.hpp"
#include "gmoe/model/any_model.hpp"
#include "gmoe/model/cards.hpp"
#include "gmoe/model/language_model.hpp"
#include "gmoe/model/registry.hpp"

namespace {

std::atomic<bool> counting{false};
std::atomic<long> allocations{0};

void count() {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
}

/// Allocations during f, of all threads.
template <class F>
long allocations_of(const F& f) {
  allocations = 0;
  counting = true;
  f();
  counting = false;
  return allocations;
}

}  // namespace

// The C library's own functions under the names that everything calls, operator new and aligned_alloc included.
// Sanitizers bring functions of their own; there only operator new can be counted.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define COUNTS_MALLOC 1
extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void* malloc(std::size_t bytes) {
  count();
  return __libc_malloc(bytes);
}
void* calloc(std::size_t n, std::size_t bytes) {
  count();
  return __libc_calloc(n, bytes);
}
void* realloc(void* p, std::size_t bytes) {
  count();
  return __libc_realloc(p, bytes);
}
void* memalign(std::size_t alignment, std::size_t bytes) {
  count();
  return __libc_memalign(alignment, bytes);
}
void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  count();
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void** p, std::size_t alignment, std::size_t bytes) {
  count();
  *p = __libc_memalign(alignment, bytes);
  return *p == nullptr && bytes > 0 ? 12 : 0;
}
}
#else
#define COUNTS_MALLOC 0
void* operator new(std::size_t bytes) {
  count();
  if (void* p = std::malloc(bytes > 0 ? bytes : 1)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
#endif

using namespace gmoe;

namespace {

/// The usual weights; besides, all that a policy may leave for others in a pass.
struct noting_gate {
  using slot = slots::gate;
  template <class B>
  variable<B> weights(const place<B>& at, const routing<B>& r) const {
    const variable<B> w = gather_elements(r.scores, r.chosen);
    at.found->routings.back().note("weights before", w);
    at.add_loss("weight", scale(sum(square(w)), 1e-4));
    matrix<B> row(1, r.experts);
    B::count_choices(row.view(), typename B::scalar(1), r.chosen.view());
    at.add_statistic("asked", std::move(row));
    return r.noted("weights before");
  }
};

/// As many experts as it takes to a sum of scores, which differs from step to step, and with it the number of pairs.
struct changing_number {
  using slot = slots::select;
  static constexpr double sums[] = {0.85, 0.25, 0.6, 0.3, 0.7, 0.1, 0.8, 0.5};
  index_t at_most(const layer_shape& l) const { return l.experts; }
  template <class B>
  id_matrix<B> choose(const place<B>& at, const routing<B>& r) const {
    return choose_top_p(r.scores.value(), sums[at.step % 8], r.experts);
  }
};

/// A model in training: loss, gradients, AdamW on every parameter.
template <class Model>
class trainer {
  using B = cpu<float>;

 public:
  explicit trainer(Model& model) : model_(model), parameters_(model_.parameters()) {
    for (parameter<B>* p : parameters_)
      moments_.push_back({matrix<B>::filled(p->rows(), p->cols(), 0), matrix<B>::filled(p->rows(), p->cols(), 0)});
  }

  float step(std::int64_t number, const std::vector<id_type>& ids, const std::vector<id_type>& targets,
             index_t sequences) {
    batch_.assign(ids, targets, sequences, model_.shape().vocab);
    ctx_.tape = &tape_;
    ctx_.training = true;
    ctx_.step = number;
    ctx_.random = random_stream(7).fork(static_cast<std::uint64_t>(number));
    const losses<B> l = model_.loss(ctx_, batch_);
    const float loss = l.total.value().item();
    tape_.backward(l.total);
    double square = 0;
    for (parameter<B>* p : parameters_) square += B::sum_of_squares(std::as_const(p->gradient()).view());
    const auto clip = static_cast<float>(1 / std::max(1.0, std::sqrt(square)));
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      parameter<B>& p = *parameters_[i];
      B::adamw(p.value().view(), moments_[i].first.view(), moments_[i].second.view(),
               std::as_const(p.gradient()).view(), {0.9999f, 0.9f, 0.95f, 1e-3f, 1.0f, 1e-8f, clip});
      p.forget_gradient();
    }
    return loss;
  }

 private:
  struct two_moments {
    matrix<B> first, second;
  };
  Model& model_;
  std::vector<parameter<B>*> parameters_;
  std::vector<two_moments> moments_;
  tape<B> tape_;
  context<B> ctx_;
  batch<B> batch_;
};

sizes medium() {
  sizes s;
  s.vocab = 300;
  s.positions = 70;  // more than a block of attention's rows
  s.d_model = 64;
  s.d_ff = 128;
  s.layers = 3;
  s.experts = 5;
  s.dropout = 0.1;
  return s;
}

template <class Model>
void check_steps(Model& model, int threads) {
  cpu<float>::set_threads(threads);
  trainer training(model);
  const index_t sequences = 6, tokens = sequences * model.shape().positions;
  std::vector<std::vector<id_type>> ids;
  for (std::uint64_t n = 0; n < 9; ++n) {
    ids.emplace_back();
    for (index_t i = 0; i < tokens; ++i)
      ids.back().push_back(static_cast<id_type>(random_stream(n).below(static_cast<std::uint64_t>(i), 300)));
  }
  std::int64_t number = 0;
  const auto step = [&] {
    const auto n = static_cast<std::size_t>(number++);
    return training.step(number, ids[n], ids[n + 1], sequences);
  };
  const long warm_up = allocations_of([&] {
    for (int i = 0; i < 3; ++i) step();
  });
  CHECK(warm_up > 0);
  float loss = 0;
  const long steady = allocations_of([&] {
    for (int i = 0; i < 5; ++i) loss = step();
  });
  CHECK(steady == 0);
  CHECK(loss > 1);
  CHECK(loss < 10);
}
template <class Card>
void check_steady_state(int threads) {
  language_model<Card, cpu<float>> model(medium());
  check_steps(model, threads);
}

}  // namespace

TEST_CASE("allocation/training_step: the count sees every kind of allocation") {
  CHECK(allocations_of([] {
          int* volatile p = new int(1);  // volatile: an allocation that nobody sees may be left out
          delete p;
        }) == 1);
#if COUNTS_MALLOC
  CHECK(allocations_of([] {
          void* volatile p = std::malloc(10);
          std::free(p);
          p = std::aligned_alloc(64, 128);
          std::free(p);
        }) == 2);
  CHECK(allocations_of([] { eigen::host_memory::release(eigen::host_memory::allocate(1000), 1000); }) == 1);
#endif
}

TEST_CASE("allocation/training_step: GMoE allocates nothing after its first steps") {
  for (int threads : {1, 2}) check_steady_state<gmoe_card>(threads);
}

TEST_CASE("allocation/training_step: nor do experts with a capacity, two choices and dense blocks between") {
  check_steady_state<gshard_card>(2);
}

TEST_CASE("allocation/training_step: nor do pairs whose number differs from step to step") {
  check_steady_state<with<smoe_card, changing_number>>(1);
}

TEST_CASE("allocation/training_step: nor do policies that note, add losses and count") {
  check_steady_state<with<smoe_card, noting_gate>>(2);
}

TEST_CASE("allocation/training_step: nor does any card of the library, chosen at run time") {
  for (const card_text& text : all_cards::texts) {
    CAPTURE(text.name);
    sizes s = medium();
    s.d_model = 32;
    s.d_ff = 48;
    s.experts = 4;
    const auto model = make_model<cpu<float>>(text.name, s);
    if (model->needs_preparation()) model->prepare(std::vector<std::int64_t>(static_cast<std::size_t>(s.vocab), 1));
    check_steps(*model, 1);
  }
  // On two threads, too.
  const auto model = make_model<cpu<float>>("gmoe", medium());
  check_steps(*model, 2);
}
