# The Thrust backend's targets: gmoe::thrust_host for a host compiler, gmoe::cuda for nvcc. Also part of the package.

# Thrust's headers: those of a CUDA Toolkit, else Debian's.
find_package(CUDAToolkit QUIET)
find_path(GMOE_THRUST_INCLUDE thrust/version.h HINTS ${CUDAToolkit_INCLUDE_DIRS} PATH_SUFFIXES cccl)
mark_as_advanced(GMOE_THRUST_INCLUDE)

if(GMOE_THRUST_INCLUDE AND NOT TARGET gmoe::thrust_host)
  add_library(gmoe_thrust_host INTERFACE)
  add_library(gmoe::thrust_host ALIAS gmoe_thrust_host)
  target_link_libraries(gmoe_thrust_host INTERFACE gmoe::gmoe)
  target_include_directories(gmoe_thrust_host SYSTEM INTERFACE ${GMOE_THRUST_INCLUDE})
  if(TARGET OpenMP::OpenMP_CXX)
    target_link_libraries(gmoe_thrust_host INTERFACE OpenMP::OpenMP_CXX)
    target_compile_definitions(gmoe_thrust_host INTERFACE THRUST_DEVICE_SYSTEM=THRUST_DEVICE_SYSTEM_OMP)
  else()
    target_compile_definitions(gmoe_thrust_host INTERFACE THRUST_DEVICE_SYSTEM=THRUST_DEVICE_SYSTEM_CPP)
  endif()
endif()

if(CMAKE_CUDA_COMPILER AND TARGET CUDA::cublas AND NOT TARGET gmoe::cuda)
  add_library(gmoe_cuda INTERFACE)
  add_library(gmoe::cuda ALIAS gmoe_cuda)
  # As an option: CMake 3.25 does not know that nvcc has C++20.
  target_compile_options(gmoe_cuda INTERFACE $<$<COMPILE_LANGUAGE:CUDA>:-std=c++20>)
  target_link_libraries(gmoe_cuda INTERFACE gmoe::gmoe CUDA::cublas)
endif()
