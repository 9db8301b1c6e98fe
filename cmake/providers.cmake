# What the library can use, for whoever links it: other providers of matrix products, gmoe::onednn and gmoe::blas (see
# docs/performance.md), of which at most one is linked, and gmoe::mpi (see docs/ranks.md). Also part of the package.

# oneDNN by hand: Debian's package file insists on OpenCL, which is not needed here.
macro(gmoe_find_onednn)
  find_library(GMOE_ONEDNN_LIBRARY dnnl)
  find_path(GMOE_ONEDNN_INCLUDE dnnl.h)
  mark_as_advanced(GMOE_ONEDNN_LIBRARY GMOE_ONEDNN_INCLUDE)
  if(GMOE_ONEDNN_LIBRARY AND GMOE_ONEDNN_INCLUDE AND NOT TARGET gmoe::onednn)
    add_library(gmoe_onednn INTERFACE)
    add_library(gmoe::onednn ALIAS gmoe_onednn)
    target_link_libraries(gmoe_onednn INTERFACE gmoe::gmoe ${GMOE_ONEDNN_LIBRARY})
    target_include_directories(gmoe_onednn SYSTEM INTERFACE ${GMOE_ONEDNN_INCLUDE})
    target_compile_definitions(gmoe_onednn INTERFACE GMOE_GEMM_ONEDNN)
  endif()
endmacro()

macro(gmoe_find_blas)
  find_package(BLAS QUIET)
  find_path(GMOE_CBLAS_INCLUDE cblas.h PATH_SUFFIXES ${CMAKE_LIBRARY_ARCHITECTURE} openblas-pthread)
  mark_as_advanced(GMOE_CBLAS_INCLUDE)
  if(TARGET BLAS::BLAS AND GMOE_CBLAS_INCLUDE AND NOT TARGET gmoe::blas)
    add_library(gmoe_blas INTERFACE)
    add_library(gmoe::blas ALIAS gmoe_blas)
    target_link_libraries(gmoe_blas INTERFACE gmoe::gmoe BLAS::BLAS)
    target_include_directories(gmoe_blas SYSTEM INTERFACE ${GMOE_CBLAS_INCLUDE})
    target_compile_definitions(gmoe_blas INTERFACE GMOE_GEMM_BLAS)
  endif()
endmacro()

# Its C interface, from C++: the bindings for C++ are no more.
macro(gmoe_find_mpi)
  set(MPI_CXX_SKIP_MPICXX TRUE)
  find_package(MPI QUIET COMPONENTS CXX)
  # The target is there even where nothing was found.
  if(MPI_CXX_FOUND AND NOT TARGET gmoe::mpi)
    add_library(gmoe_mpi INTERFACE)
    add_library(gmoe::mpi ALIAS gmoe_mpi)
    target_link_libraries(gmoe_mpi INTERFACE gmoe::gmoe MPI::MPI_CXX)
  endif()
endmacro()
