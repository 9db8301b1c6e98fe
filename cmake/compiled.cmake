# gmoe_add_compiled([<libraries>...]): what of the library can be compiled once, for the processor, as static libraries:
#   gmoe::compiled          the operations, for programs that include "gmoe/compiled/cpu.hpp";
#   gmoe::compiled_models   cards and models of all variants too, for programs that include "gmoe/compiled/models.hpp" and
#                           choose by name. It is only built where it is linked.
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
  add_library(gmoe_compiled_models STATIC EXCLUDE_FROM_ALL ${GMOE_COMPILED_FAMILIES})
  add_library(gmoe::compiled_models ALIAS gmoe_compiled_models)
  target_link_libraries(gmoe_compiled_models PUBLIC gmoe_compiled)
endfunction()
