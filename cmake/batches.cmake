# Files of tests and examples are compiled in few translation units, which takes half the time of one by one: what they
# have in common, such as a whole model or a parser of JSON, is compiled once. Off, a change of one file compiles that
# file alone.
option(GMOE_BATCHES "Compile several files of tests and examples as one" ON)

# gmoe_in_units_of(<count> <target>): so many files each.
function(gmoe_in_units_of count target)
  if(GMOE_BATCHES)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE BATCH UNITY_BUILD_BATCH_SIZE ${count})
  endif()
endfunction()

# gmoe_in_batches(<target>): the test files of a floor.

# In how many batches, where one would take more than about half a minute. Files stand in the order of their names, so
# that those of one subject are together; new ones fall into a batch by themselves.
set(gmoe_batches_backend 2)
set(gmoe_batches_ops 2)
set(gmoe_batches_moe 3)
set(gmoe_batches_model 2)
set(gmoe_batches_io 2)

# Those that choose something before they include anything, and the comparison of whole backends, which is a program of
# its own too.
set(gmoe_alone "^(allocation/.*|backend/(eigen/.*|thrust\\.cpp))")

function(gmoe_in_batches target)
  if(NOT GMOE_BATCHES)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # A test's own types are in what looks like an included file.
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage>)
  endif()
  get_target_property(sources ${target} SOURCES)
  set(floors "")
  foreach(source IN LISTS sources)
    # Another target of this folder may have put it into a batch.
    get_source_file_property(batch ${source} UNITY_GROUP)
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${PROJECT_SOURCE_DIR}/tests OUTPUT_VARIABLE name)
    if(NOT batch AND NOT name MATCHES "${gmoe_alone}" AND name MATCHES "^([a-z]+)/.*\\.cpp$")
      list(APPEND floors ${CMAKE_MATCH_1})
      list(APPEND files_of_${CMAKE_MATCH_1} ${source})
    endif()
  endforeach()
  list(REMOVE_DUPLICATES floors)
  foreach(floor IN LISTS floors)
    set(batches 1)
    if(DEFINED gmoe_batches_${floor})
      set(batches ${gmoe_batches_${floor}})
    endif()
    list(SORT files_of_${floor})
    list(LENGTH files_of_${floor} count)
    if(count EQUAL 1)
      continue()
    endif()
    set(index 0)
    foreach(source IN LISTS files_of_${floor})
      math(EXPR batch "${index} * ${batches} / ${count}")
      math(EXPR index "${index} + 1")
      set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${floor}_${batch})
    endforeach()
  endforeach()
endfunction()
