#include "variant_on.hpp"

namespace trace {
void variant_in_float(const variant_options& o) { trace_on<gmoe::cpu<float>>(o); }
}  // namespace trace
