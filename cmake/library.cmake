# The library: two interface targets. gmoe::gmoe needs Eigen only; gmoe::io adds the JSON library that checkpoints need.

set(gmoe_include ${PROJECT_SOURCE_DIR}/include)
file(GLOB_RECURSE gmoe_headers RELATIVE ${gmoe_include} CONFIGURE_DEPENDS
     ${gmoe_include}/gmoe/*.hpp ${gmoe_include}/gmoe/*.cuh)

# One list, four file sets: what every user gets, what needs JSON, what needs Thrust or a CUDA compiler, what needs MPI.
set(gmoe_io_headers ${gmoe_headers})
list(FILTER gmoe_io_headers INCLUDE REGEX "^gmoe/io(/|\\.hpp$)")
set(gmoe_device_headers ${gmoe_headers})
list(FILTER gmoe_device_headers INCLUDE REGEX "/(thrust/|(thrust|gpu)\\.hpp$)|\\.cuh$")
set(gmoe_mpi_headers gmoe/ranks/mpi.hpp)
set(gmoe_plain_headers ${gmoe_headers})
list(REMOVE_ITEM gmoe_plain_headers ${gmoe_io_headers} ${gmoe_device_headers} ${gmoe_mpi_headers})
foreach(set IN ITEMS plain io device mpi)
  list(TRANSFORM gmoe_${set}_headers PREPEND ${gmoe_include}/)
endforeach()

add_library(gmoe INTERFACE)
add_library(gmoe::gmoe ALIAS gmoe)
target_compile_features(gmoe INTERFACE cxx_std_20)
target_link_libraries(gmoe INTERFACE Eigen3::Eigen)
target_sources(gmoe INTERFACE
  FILE_SET HEADERS BASE_DIRS ${gmoe_include} FILES ${gmoe_plain_headers}
  FILE_SET device_headers TYPE HEADERS BASE_DIRS ${gmoe_include} FILES ${gmoe_device_headers}
  FILE_SET mpi_headers TYPE HEADERS BASE_DIRS ${gmoe_include} FILES ${gmoe_mpi_headers})
if(GMOE_OPENMP AND TARGET OpenMP::OpenMP_CXX)
  # An installed gmoe looks for OpenMP itself, with the compiler that uses it.
  target_link_libraries(gmoe INTERFACE $<BUILD_INTERFACE:OpenMP::OpenMP_CXX>)
endif()

add_library(gmoe_io INTERFACE)
add_library(gmoe::io ALIAS gmoe_io)
set_target_properties(gmoe_io PROPERTIES EXPORT_NAME io)
target_link_libraries(gmoe_io INTERFACE gmoe nlohmann_json::nlohmann_json)
target_sources(gmoe_io INTERFACE FILE_SET HEADERS BASE_DIRS ${gmoe_include} FILES ${gmoe_io_headers})

include(${CMAKE_CURRENT_LIST_DIR}/providers.cmake)
gmoe_find_onednn()
gmoe_find_blas()
if(GMOE_MPI)
  gmoe_find_mpi()
endif()
