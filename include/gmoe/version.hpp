#pragma once
/// The version of the library. The build reads it from here, so this is the only place to change it.

#define GMOE_VERSION_MAJOR 0
#define GMOE_VERSION_MINOR 7
#define GMOE_VERSION_PATCH 0

namespace gmoe {

/// "major.minor.patch". Before 1.0 a new minor version may change interfaces, a new patch version does not.
inline constexpr char version_string[] = "0.7.0";

}  // namespace gmoe
