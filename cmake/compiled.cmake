# gmoe_add_compiled([<libraries>...]): the target gmoe::compiled, a static library of the operations on the processor, for
# programs that include "gmoe/compiled/cpu.hpp" and link it. `libraries` are linked by it and by who links it: gmoe::onednn
# or gmoe::blas where the program has them, targets with flags. It needs the flags of the program (-march=native, OpenMP),
# as other flags do not link: set them for the folder, or by such a target. Also part of the package.

set(GMOE_COMPILED_SOURCE ${CMAKE_CURRENT_LIST_DIR}/compiled.cpp CACHE INTERNAL "What gmoe::compiled is made of")
function(gmoe_add_compiled)
  add_library(gmoe_compiled STATIC ${GMOE_COMPILED_SOURCE})
  add_library(gmoe::compiled ALIAS gmoe_compiled)
  target_link_libraries(gmoe_compiled PUBLIC gmoe::gmoe ${ARGN})
endfunction()
