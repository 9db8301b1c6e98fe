# Finds what the chosen parts need. Everything that is missing is reported at once, with the command that installs it.

# Who adds gmoe as a subfolder links it from outside this folder, so what it links has to be visible there.
set(CMAKE_FIND_PACKAGE_TARGETS_GLOBAL ON)

set(gmoe_missing "")
set(gmoe_missing_debian "")

# gmoe_needs(<target> <package> <debian package>): the package, unless a parent project brought it.
macro(gmoe_needs target package debian)
  if(NOT TARGET ${target})
    find_package(${package} QUIET ${ARGN})
  endif()
  if(NOT TARGET ${target})
    list(APPEND gmoe_missing ${package})
    list(APPEND gmoe_missing_debian ${debian})
  endif()
endmacro()

# No version in the call: Eigen's own version file refuses 5.x to whoever asks for 3.4.
gmoe_needs(Eigen3::Eigen Eigen3 libeigen3-dev NO_MODULE)
if(Eigen3_VERSION AND Eigen3_VERSION VERSION_LESS 3.4)
  message(FATAL_ERROR "gmoe: Eigen ${Eigen3_VERSION} in ${Eigen3_DIR} is too old; 3.4 or newer is needed")
endif()

if(GMOE_EXAMPLES OR GMOE_BENCH OR GMOE_TESTS)
  gmoe_needs(nlohmann_json::nlohmann_json nlohmann_json nlohmann-json3-dev)
endif()
if(GMOE_EXAMPLES OR GMOE_BENCH OR GMOE_TESTS)
  gmoe_needs(CLI11::CLI11 CLI11 libcli11-dev)
endif()
if(GMOE_BENCH)
  gmoe_needs(benchmark::benchmark benchmark libbenchmark-dev)
endif()
if(GMOE_TESTS)
  gmoe_needs(doctest::doctest doctest doctest-dev)
endif()

if(gmoe_missing)
  list(JOIN gmoe_missing ", " gmoe_missing)
  list(JOIN gmoe_missing_debian " " gmoe_missing_debian)
  message(FATAL_ERROR "gmoe: not found: ${gmoe_missing}\nOn Debian: apt-get install ${gmoe_missing_debian}\n"
                      "The library alone needs Eigen 3.4 or newer; for it add "
                      "-DGMOE_TESTS=OFF -DGMOE_BENCH=OFF -DGMOE_EXAMPLES=OFF")
endif()

# Wanted, but not needed.
if(NOT TARGET nlohmann_json::nlohmann_json)
  find_package(nlohmann_json QUIET)
endif()
if(GMOE_OPENMP)
  find_package(OpenMP QUIET COMPONENTS CXX)
  if(NOT TARGET OpenMP::OpenMP_CXX)
    message(STATUS "gmoe: the compiler has no OpenMP, so everything runs on one thread")
  endif()
endif()
