#include "variant_on.hpp"

namespace trace {
void variant_in_double(const variant_options& o) { trace_on<gmoe::cpu<double>>(o); }
}  // namespace trace
