# gmoe_in_batches(<target>): the test files of the target are compiled six at a time where they allow it, which takes half
# the time of one by one. Off, a change of one file compiles that file alone.
option(GMOE_TEST_BATCHES "Compile several test files as one" ON)

# Those with names that others of their folder have too, and those that choose something before they include anything.
set(gmoe_alone "/tests/(ops/(experts|gated_experts|grouped_matmul|compositions|pairs|segments)\
|backend/(attention|gated_experts|generic|groups|pool|routing|thrust|eigen/.*)|moe/(card|hooks|kept|reach|settings)\
|model/(generate|registry|token_by_token)|io/(official_.*|trace.*|training_checkpoint|safetensors_writer|strict_json))\\.cpp$")

function(gmoe_in_batches target)
  if(NOT GMOE_TEST_BATCHES)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_MODE GROUP)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # A test's own types are in what looks like an included file.
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage>)
  endif()
  get_target_property(sources ${target} SOURCES)
  foreach(source IN LISTS sources)
    if(source MATCHES "${gmoe_alone}")
      continue()
    endif()
    if(source MATCHES "/tests/(autograd|ops|backend|nn|moe|model|core|data|io|analysis|breadth|compare)/")
      set(floor ${CMAKE_MATCH_1})
      if(NOT DEFINED count_${floor})
        set(count_${floor} 0)
      endif()
      math(EXPR count_${floor} "${count_${floor}} + 1")
      math(EXPR batch "${count_${floor}} / 6")
      set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${floor}_${batch})
    endif()
  endforeach()
endfunction()
