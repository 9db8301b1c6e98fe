#pragma once

#include "gmoe/core/error.hpp"

namespace examples {

/// A command line that cannot be followed, for a reason that only shows when it has been read.
struct usage_error : gmoe::config_error {
  using gmoe::config_error::config_error;
};

}  // namespace examples
