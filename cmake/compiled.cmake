# gmoe_add_compiled([<libraries>...]): what of the library can be compiled once, for the processor, as static libraries:
#   gmoe::compiled          the operations, for programs that include "gmoe/compiled/cpu.hpp";
#   gmoe::compiled_models   cards and models of all variants too, for programs that include "gmoe/compiled/models.hpp" and
#                           choose by name. It is only built where it is linked.
#   gmoe::compiled_models_in_float   the same without models in double, which take half of the time, but for those of
#                           official checkpoints.
# `libraries` are linked by them and by who links them: gmoe::onednn or gmoe::blas where the program has them, targets with
# flags. They need the flags of the program (-march=native, OpenMP), as other flags do not link: set them for the folder, or
# by such a target. Also part of the package.

set(GMOE_COMPILED_SOURCE ${CMAKE_CURRENT_LIST_DIR}/compiled.cpp CACHE INTERNAL "What gmoe::compiled is made of")
file(GLOB gmoe_family_sources ${CMAKE_CURRENT_LIST_DIR}/compiled/*.cpp)
set(GMOE_COMPILED_FAMILIES ${gmoe_family_sources} CACHE INTERNAL "What gmoe::compiled_models is made of")
function(gmoe_add_compiled)
  add_library(gmoe_compiled STATIC ${GMOE_COMPILED_SOURCE})
  add_library(gmoe::compiled ALIAS gmoe_compiled)
  target_link_libraries(gmoe_compiled PUBLIC gmoe::gmoe ${ARGN})
  set(in_float "")
  set(in_double "")
  foreach(source IN LISTS GMOE_COMPILED_FAMILIES)
    cmake_path(GET source STEM family)
    if(family STREQUAL "official")
      list(APPEND in_float ${source})
      continue()
    endif()
    set(written ${CMAKE_CURRENT_BINARY_DIR}/gmoe_compiled/${family})
    set(include "#include \"gmoe/compiled/models.hpp\"\n\n")
    file(CONFIGURE OUTPUT ${written}_in_float.cpp CONTENT
         "@include@GMOE_COMPILED_FAMILY_IN_FLOAT(template, @family@_cards)\n" @ONLY)
    file(CONFIGURE OUTPUT ${written}_in_double.cpp CONTENT
         "@include@GMOE_COMPILED_FAMILY_IN_DOUBLE(template, @family@_cards)\n" @ONLY)
    list(APPEND in_float ${written}_in_float.cpp)
    list(APPEND in_double ${written}_in_double.cpp)
  endforeach()
  add_library(gmoe_compiled_models_in_float STATIC EXCLUDE_FROM_ALL ${in_float})
  add_library(gmoe::compiled_models_in_float ALIAS gmoe_compiled_models_in_float)
  target_link_libraries(gmoe_compiled_models_in_float PUBLIC gmoe_compiled)
  add_library(gmoe_compiled_models_in_double STATIC EXCLUDE_FROM_ALL ${in_double})
  target_link_libraries(gmoe_compiled_models_in_double PUBLIC gmoe_compiled_models_in_float)
  add_library(gmoe_compiled_models INTERFACE)
  add_library(gmoe::compiled_models ALIAS gmoe_compiled_models)
  target_link_libraries(gmoe_compiled_models INTERFACE gmoe_compiled_models_in_double)
endfunction()
