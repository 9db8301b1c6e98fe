# How this project compiles its own programs. Nothing of this reaches a user of gmoe::gmoe.

add_library(gmoe_build_flags INTERFACE)
target_compile_options(gmoe_build_flags INTERFACE -Wall -Wextra)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False alarms of GCC 12: in its own AVX-512 intrinsics (GCC bug 105593) and in std::string (105329).
  target_compile_options(gmoe_build_flags INTERFACE -Wno-uninitialized -Wno-maybe-uninitialized -Wno-restrict)
  # Memory against time: left alone, GCC collects garbage so often that it takes a tenth of the time to compile.
  target_compile_options(gmoe_build_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:--param=ggc-min-heapsize=524288>)
endif()
if(GMOE_NATIVE)
  include(CheckCXXCompilerFlag)
  check_cxx_compiler_flag(-march=native GMOE_HAS_MARCH_NATIVE)
  if(GMOE_HAS_MARCH_NATIVE)
    target_compile_options(gmoe_build_flags INTERFACE -march=native)
  endif()
endif()

# Who multiplies in tests, examples and benchmarks: the fastest that is here, or what the cache says.
set(GMOE_GEMM auto CACHE STRING "Matrix products of the project's own programs: auto, eigen, onednn or blas")
set_property(CACHE GMOE_GEMM PROPERTY STRINGS auto eigen onednn blas)
set(gmoe_gemm ${GMOE_GEMM})
if(gmoe_gemm STREQUAL auto)
  set(gmoe_gemm eigen)
  if(TARGET gmoe::onednn)
    set(gmoe_gemm onednn)
  endif()
endif()
if(NOT gmoe_gemm STREQUAL eigen)
  if(NOT TARGET gmoe::${gmoe_gemm})
    message(FATAL_ERROR "gmoe: GMOE_GEMM is '${GMOE_GEMM}', but it was not found (Debian: libdnnl-dev for onednn, "
                        "libopenblas-dev for blas; 'eigen' always works)")
  endif()
  target_link_libraries(gmoe_build_flags INTERFACE gmoe::${gmoe_gemm})
endif()
message(STATUS "gmoe: matrix products by ${gmoe_gemm}")

# Without a build type a compiler does not optimise, which is never what a user of a numerical library wants. The
# presets that choose their own flags clear it.
if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES AND NOT CMAKE_CXX_FLAGS)
  message(STATUS "gmoe: no build type given, using Release")
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo" FORCE)
endif()

# gmoe_programs(<prefix> <libraries>...): every .cpp of the calling folder becomes a program of its name, and its target
# is called <prefix>_<name>.
function(gmoe_programs prefix)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  foreach(source IN LISTS sources)
    cmake_path(GET source STEM name)
    add_executable(${prefix}_${name} ${source})
    set_target_properties(${prefix}_${name} PROPERTIES OUTPUT_NAME ${name})
    target_link_libraries(${prefix}_${name} PRIVATE gmoe_build_flags ${ARGN})
  endforeach()
endfunction()
