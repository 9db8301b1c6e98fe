# GMOE_CUDA: the CUDA language, for the A100 (80) and the H100 and H200 (90) unless CMAKE_CUDA_ARCHITECTURES says otherwise.

if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 80 90 CACHE STRING "GPU architectures to compile for")
endif()
include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  message(FATAL_ERROR "gmoe: GMOE_CUDA is on, but there is no CUDA compiler: install the CUDA Toolkit and put nvcc on the "
                      "PATH or set CUDACXX to it, or leave GMOE_CUDA off")
endif()
enable_language(CUDA)
