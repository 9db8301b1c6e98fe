// One program of translation units that were compiled with different providers of products, vector registers and
// threads. Each must run its own: oneDNN and BLAS are stand-ins here that count their calls, and every block, the same
// one each time, must come to the same loss and gradient.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <new>
#include <vector>

#include "part.hpp"
#include "parts.hpp"  // GMOE_TEST_PARTS(X): X(name, provider) for each of them, made by CMake

#if defined(GMOE_TEST_ONEDNN)
#include <dnnl.h>
#endif
#if defined(GMOE_TEST_BLAS)
#include <cblas.h>
#endif

namespace {

long onednn_calls = 0, blas_calls = 0;
[[maybe_unused]] bool onednn_has_memory = true;

// C = alpha op(A) op(B) + beta C, row-major.
template <class S>
void multiply(bool a_turned, bool b_turned, long m, long n, long k, S alpha, const S* a, long lda, const S* b, long ldb,
              S beta, S* c, long ldc) {
  for (long i = 0; i < m; ++i)
    for (long j = 0; j < n; ++j) {
      S sum = 0;
      for (long l = 0; l < k; ++l)
        sum += (a_turned ? a[l * lda + i] : a[i * lda + l]) * (b_turned ? b[j * ldb + l] : b[l * ldb + j]);
      c[i * ldc + j] = alpha * sum + (beta == 0 ? S(0) : beta * c[i * ldc + j]);
    }
}

}  // namespace

#if defined(GMOE_TEST_ONEDNN)
extern "C" dnnl_status_t dnnl_sgemm(char turn_a, char turn_b, dnnl_dim_t m, dnnl_dim_t n, dnnl_dim_t k, float alpha,
                                    const float* a, dnnl_dim_t lda, const float* b, dnnl_dim_t ldb, float beta,
                                    float* c, dnnl_dim_t ldc) {
  __atomic_add_fetch(&onednn_calls, 1, __ATOMIC_RELAXED);
  if (!onednn_has_memory) return dnnl_out_of_memory;
  multiply(turn_a == 'T', turn_b == 'T', m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  return dnnl_success;
}
#endif
#if defined(GMOE_TEST_BLAS)
extern "C" void cblas_sgemm(CBLAS_ORDER, CBLAS_TRANSPOSE turn_a, CBLAS_TRANSPOSE turn_b, int m, int n, int k,
                            float alpha, const float* a, int lda, const float* b, int ldb, float beta, float* c,
                            int ldc) {
  __atomic_add_fetch(&blas_calls, 1, __ATOMIC_RELAXED);
  multiply(turn_a == CblasTrans, turn_b == CblasTrans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
extern "C" void cblas_dgemm(CBLAS_ORDER, CBLAS_TRANSPOSE turn_a, CBLAS_TRANSPOSE turn_b, int m, int n, int k,
                            double alpha, const double* a, int lda, const double* b, int ldb, double beta, double* c,
                            int ldc) {
  __atomic_add_fetch(&blas_calls, 1, __ATOMIC_RELAXED);
  multiply(turn_a == CblasTrans, turn_b == CblasTrans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}
#endif

#define GMOE_DECLARE(name, provider) part name();
GMOE_TEST_PARTS(GMOE_DECLARE)

namespace {

struct named_part {
  const char *name, *provider;
  part (*run)();
};
#define GMOE_LIST(name, provider) {#name, provider, &name},
constexpr named_part parts[] = {GMOE_TEST_PARTS(GMOE_LIST)};

int mistakes = 0;
void check(bool ok, const char* part, const char* what) {
  if (ok) return;
  std::printf("%s: %s\n", part, what);
  ++mistakes;
}
bool near(double x, double y) { return std::abs(x - y) <= 1e-5 * std::abs(y); }

}  // namespace

int main() {
  std::vector<part> results;
  for (const named_part& p : parts) {
    const long onednn = onednn_calls, blas = blas_calls;
    const part now = p.run();
    std::printf("%-15s by %-6s  loss %.7f  gradient %.7f  %s\n", p.name, now.provider, now.loss, now.gradient,
                now.backend);
    check(std::strcmp(now.provider, p.provider) == 0, p.name, "names another provider");
    check((onednn_calls > onednn) == (std::strcmp(p.provider, "oneDNN") == 0), p.name, "its products are not its own");
    check((blas_calls > blas) == (std::strcmp(p.provider, "BLAS") == 0), p.name, "its products are not its own");
    check(now.loss > 0 && now.gradient > 0, p.name, "no loss, or no gradient");
    for (const part& earlier : results) {
      check(near(now.loss, earlier.loss) && near(now.gradient, earlier.gradient), p.name, "another loss or gradient");
      check(std::strcmp(now.backend, earlier.backend) != 0, p.name, "shares its backend's name with another");
    }
    results.push_back(now);
    if (std::strcmp(p.provider, "oneDNN") != 0) continue;
    // What it says of too little memory is told as all of this language tell it, whatever thread it was.
    onednn_has_memory = false;
    bool told = false;
    try {
      p.run();
    } catch (const std::bad_alloc&) {
      told = true;
    }
    onednn_has_memory = true;
    check(told, p.name, "has no memory, and does not throw bad_alloc");
  }
  std::printf("%zu builds of the backend in one program, %d mistakes\n", results.size(), mistakes);
  return mistakes == 0 ? 0 : 1;
}
