// Models on a device: those on the processor come with gmoe::compiled_models.

#include "models.hpp"

#if defined(EXAMPLES_THRUST)
GMOE_COMPILED_LISTS(EXAMPLES_MODELS, template)
#endif
