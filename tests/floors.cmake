# cmake -DINCLUDE=<folder that holds gmoe/> -P floors.cmake
#
# Reads the include lines of every header and fails when the floors are not kept:
#   - a header includes from its own floor or from those below; train, data, io and analysis are one floor, but no two of
#     these folders may need each other;
#   - only io/ includes a JSON library, only backend/ Thrust and CUDA, nobody a command line parser or <iostream>;
#   - only backend/eigen/eigen.hpp includes Eigen, and all that stands in backend/eigen/ stands in the namespace of its
#     build;
#   - Thrust's backend is included by whoever asks for it, never by the rest of the library;
#   - headers directly in gmoe/ only collect others, except version.hpp; gmoe.hpp reaches every header but those that it
#     says are included on their own;
#   - nobody prints, except the progress line of train/progress.hpp;
#   - every header has #pragma once, names its includes from the include root, and has at most 400 lines.

cmake_minimum_required(VERSION 3.25)

set(rank_core 1)
set(rank_backend 2)
set(rank_autograd 3)
set(rank_ops 4)
set(rank_nn 5)
set(rank_moe 6)
set(rank_model 7)
set(rank_train 8)
set(rank_data 8)
set(rank_io 8)
set(rank_analysis 8)
set(top_floor train data io analysis)

set(mistakes "")
macro(mistake text)
  string(APPEND mistakes "  ${text}\n")
endmacro()

file(GLOB_RECURSE headers RELATIVE ${INCLUDE} ${INCLUDE}/gmoe/*.hpp ${INCLUDE}/gmoe/*.cuh)
list(LENGTH headers count)
if(count EQUAL 0)
  message(FATAL_ERROR "no headers below ${INCLUDE}/gmoe")
endif()

foreach(header IN LISTS headers)
  set(floor "")
  if(header MATCHES "^gmoe/([^/]+)/")
    set(floor ${CMAKE_MATCH_1})
    if(NOT DEFINED rank_${floor})
      mistake("${header}: '${floor}' is not a floor")
      continue()
    endif()
  endif()

  file(READ ${INCLUDE}/${header} text)
  string(REGEX MATCHALL "\n" newlines "${text}")
  list(LENGTH newlines lines)
  if(lines GREATER 400)
    mistake("${header}: ${lines} lines; a header has one idea and at most 400")
  endif()
  if(NOT text MATCHES "(^|\n)#pragma once\n")
    mistake("${header}: no #pragma once")
  endif()

  if(header MATCHES "^gmoe/backend/eigen/" AND text MATCHES "(^|\n)namespace (gmoe::eigen|gmoe) *{")
    mistake("${header}: opens '${CMAKE_MATCH_2}'; write namespace gmoe::eigen::inline GMOE_CPU_BUILD (build_tag.hpp)")
  endif()

  # Only lines of directives and comments, or it is more than a collection.
  if(NOT floor AND NOT header STREQUAL "gmoe/version.hpp")
    string(REGEX REPLACE "(^|\n)[ \t]*(#|//)[^\n]*" "\\1" rest "${text}")
    string(STRIP "${rest}" rest)
    if(rest)
      mistake("${header}: a header directly in gmoe/ only includes others")
    endif()
  endif()

  if(text MATCHES "(^|[^A-Za-z_])(v?f?printf|fputs|puts|fputc|putc|putchar|perror) *\\(|std::(cout|cerr|clog)" AND
     NOT header STREQUAL "gmoe/train/progress.hpp")
    mistake("${header}: prints; only train/progress.hpp does")
  endif()

  string(REGEX MATCHALL "(^|\n)[ \t]*#[ \t]*include[ \t]*[<\"][^>\"\n]+[>\"]" includes "${text}")
  foreach(line IN LISTS includes)
    string(REGEX MATCH "([<\"])([^>\"]+)[>\"]" ignored "${line}")
    set(quote ${CMAKE_MATCH_1})
    set(file ${CMAKE_MATCH_2})
    list(APPEND included_by_${header} ${file})

    if(quote STREQUAL "\"" AND NOT file MATCHES "^gmoe/")
      mistake("${header}: includes \"${file}\"; write it from the include root, \"gmoe/...\"")
    elseif(quote STREQUAL "<" AND file MATCHES "^gmoe/")
      mistake("${header}: includes <${file}>; write \"${file}\"")
    endif()

    if(file STREQUAL "iostream" OR file MATCHES "^CLI/")
      mistake("${header}: includes <${file}>; the library neither prints nor reads the command line")
    elseif(file MATCHES "^nlohmann/" AND NOT floor STREQUAL "io")
      mistake("${header}: includes <${file}>; only io/ reads JSON")
    elseif(file MATCHES "^Eigen/" AND NOT header STREQUAL "gmoe/backend/eigen/eigen.hpp")
      mistake("${header}: includes <${file}>; only backend/eigen/eigen.hpp does")
    elseif(file MATCHES "^(thrust|cub|cuda)/|^(cuda|cublas|cudnn)[A-Za-z0-9_]*\\.h" AND NOT floor STREQUAL "backend")
      mistake("${header}: includes <${file}>; only backend/ knows the device")
    elseif(file MATCHES "^gmoe/backend/(thrust|gpu)" AND (header STREQUAL "gmoe/gmoe.hpp" OR
           (floor AND NOT floor STREQUAL "backend")))
      mistake("${header}: includes \"${file}\"; a device backend is included by the program that wants it")
    elseif(floor AND file MATCHES "^gmoe/([^/]+)/")
      set(other ${CMAKE_MATCH_1})
      if(NOT DEFINED rank_${other})
        mistake("${header}: includes \"${file}\", which is on no floor")
      elseif(rank_${other} GREATER rank_${floor})
        mistake("${header}: includes \"${file}\"; ${other} is above ${floor}")
      elseif(NOT other STREQUAL floor AND rank_${other} EQUAL rank_${floor})
        list(APPEND needs_${floor} ${other})
        set(why_${floor}_${other} "${header} includes \"${file}\"")
      endif()
    elseif(floor AND file MATCHES "^gmoe/[^/]+$" AND NOT file STREQUAL "gmoe/version.hpp")
      mistake("${header}: includes \"${file}\", which is above every floor")
    endif()
  endforeach()
endforeach()

# What gmoe.hpp forgets.
if("gmoe/gmoe.hpp" IN_LIST headers)
  set(reached gmoe/gmoe.hpp)
  set(open ${reached})
  while(open)
    list(POP_FRONT open header)
    foreach(file IN LISTS included_by_${header})
      if(NOT file IN_LIST reached)
        list(APPEND reached ${file})
        list(APPEND open ${file})
      endif()
    endforeach()
  endwhile()
  foreach(header IN LISTS headers)
    if(NOT header IN_LIST reached AND NOT header MATCHES "^gmoe/(io|analysis)/|^gmoe/(io|analysis)\\.hpp$" AND
       NOT header MATCHES "^gmoe/backend/(thrust|gpu|bf16|eigen/(bf16_products|onednn_matmul)\\.hpp$)" AND
       NOT header MATCHES "^gmoe/train/interrupt")
      mistake("${header}: is not reached from gmoe/gmoe.hpp")
    endif()
  endforeach()
endif()

# Folders of the top floor: take away, again and again, one that needs none of those left. What stays is a cycle.
set(left ${top_floor})
set(progress TRUE)
while(progress)
  set(progress FALSE)
  foreach(folder IN LISTS left)
    set(blocked FALSE)
    foreach(other IN LISTS needs_${folder})
      if(other IN_LIST left)
        set(blocked TRUE)
      endif()
    endforeach()
    if(NOT blocked)
      list(REMOVE_ITEM left ${folder})
      set(progress TRUE)
      break()
    endif()
  endforeach()
endwhile()
if(left)
  set(reasons "")
  foreach(folder IN LISTS left)
    foreach(other IN LISTS left)
      if(DEFINED why_${folder}_${other})
        string(APPEND reasons "\n    ${why_${folder}_${other}}")
      endif()
    endforeach()
  endforeach()
  list(JOIN left ", " names)
  mistake("a cycle among the folders ${names}:${reasons}")
endif()

if(mistakes)
  message(FATAL_ERROR "the floors are not kept:\n${mistakes}")
endif()
message(STATUS "${count} headers keep their floors")
