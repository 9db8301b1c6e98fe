#pragma once
/// Where results come from: what one must know to make them again, and nothing that is only of this machine's folders.

#include <string>
#include <vector>

#include "plan.hpp"

namespace compare {

/// {"command", "version", "backend", "products", "processor", "cores", "threads", "compiler"}.
json provenance(const std::string& program, const std::vector<std::string>& arguments, const std::string& backend);

/// The arguments as a command line; of a path only its last name is left.
std::string command_text(const std::string& program, const std::vector<std::string>& arguments);

}  // namespace compare
