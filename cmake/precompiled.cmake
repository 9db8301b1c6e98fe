# What the project's own programs share: gmoe::compiled and gmoe::compiled_models, and the headers of models read by the
# compiler once for all programs of the same flags.

gmoe_add_compiled(gmoe_build_flags)

# What every precompiled header of the project begins with.
set(gmoe_short_assertions ${PROJECT_SOURCE_DIR}/cmake/short_assertions.hpp)

# gmoe_use_models(<target>...): for files that include "gmoe/gmoe.hpp" and more: the operations, and models by name in
# float, come compiled, the headers precompiled.
add_library(gmoe_models OBJECT EXCLUDE_FROM_ALL ${PROJECT_SOURCE_DIR}/cmake/precompiled.cpp)
target_link_libraries(gmoe_models PRIVATE gmoe_compiled)
target_precompile_headers(gmoe_models PRIVATE ${gmoe_short_assertions} <gmoe/gmoe.hpp> <gmoe/compiled/models.hpp>)
target_precompile_headers(gmoe_compiled_models_in_float REUSE_FROM gmoe_models)
target_precompile_headers(gmoe_compiled_models_in_double REUSE_FROM gmoe_models)
gmoe_in_units_of(3 gmoe_compiled_models_in_float)
gmoe_in_units_of(3 gmoe_compiled_models_in_double)
function(gmoe_use_models)
  foreach(target IN LISTS ARGN)
    target_link_libraries(${target} PRIVATE gmoe_compiled_models_in_float)
    target_precompile_headers(${target} REUSE_FROM gmoe_models)
  endforeach()
endfunction()
