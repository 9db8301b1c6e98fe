#include "gmoe/model/registry.hpp"
#include "session_backend.hpp"

namespace examples {

/// Instantiated card by card in the other files of this folder.
template <class Card, class Backend>
std::unique_ptr<session> make_session_of(const session_setup& setup);

namespace {

using memory_pool = gmoe::pool<backend::memory>;

std::unique_ptr<session> make(const session_setup& setup) {
  return gmoe::with_card(setup.variant, [&]<class Card>() { return make_session_of<Card, backend>(setup); });
}
std::size_t peak() { return memory_pool::instance().statistics().peak; }
void release() {
  memory_pool::instance().trim();
  memory_pool::instance().reset_peak();
}

}  // namespace

#if defined(EXAMPLES_THRUST) && defined(__CUDACC__)
backend_sessions cuda_sessions() { return {"cuda", make, peak, release}; }
#elif defined(EXAMPLES_THRUST)
backend_sessions thrust_sessions() { return {"thrust", make, peak, release}; }
#else
backend_sessions eigen_sessions() { return {"eigen", make, peak, release}; }
#endif

}  // namespace examples
