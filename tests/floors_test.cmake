# cmake -DWORK=<scratch folder> -P floors_test.cmake
# Plants one mistake after the other in a small tree of headers and expects floors.cmake to name it.

cmake_minimum_required(VERSION 3.25)

function(check expected)  # then pairs of header and content
  file(REMOVE_RECURSE ${WORK})
  file(WRITE ${WORK}/gmoe/version.hpp "#pragma once\ninline constexpr int version = 1;\n")
  file(WRITE ${WORK}/gmoe/core/a.hpp "#pragma once\n#include <vector>\n#include \"gmoe/version.hpp\"\n")
  while(ARGN)
    list(POP_FRONT ARGN header content)
    string(REPLACE "|" "\n" content "${content}")
    file(WRITE ${WORK}/gmoe/${header} "${content}\n")
  endwhile()
  execute_process(COMMAND ${CMAKE_COMMAND} -DINCLUDE=${WORK} -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/floors.cmake
                  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  # Messages are wrapped at spaces when they are long.
  string(REGEX REPLACE "[ \n]+" " " output "${output}")
  string(FIND "${output}" "${expected}" at)
  if(at EQUAL -1)
    message(SEND_ERROR "expected '${expected}', got:\n${output}")
  elseif(expected MATCHES "keep their floors")
    if(NOT result EQUAL 0)
      message(SEND_ERROR "a good tree was refused:\n${output}")
    endif()
  elseif(result EQUAL 0)
    message(SEND_ERROR "not refused: ${expected}")
  endif()
endfunction()

check("2 headers keep their floors")
check("4 headers keep their floors"
      train/a.hpp "#pragma once|#include \"gmoe/data/a.hpp\"" data/a.hpp "#pragma once|#include \"gmoe/core/a.hpp\"")
check("ops/a.hpp: includes \"gmoe/moe/a.hpp\"; moe is above ops" ops/a.hpp "#pragma once|#include \"gmoe/moe/a.hpp\"")
check("io is above model" model/a.hpp "#pragma once|# include <gmoe/io/a.hpp>")
check("which is above every floor" ops/a.hpp "#pragma once|#include \"gmoe/gmoe.hpp\"")
check("'extra' is not a floor" extra/a.hpp "#pragma once")
check("a cycle among the folders train, data:"
      train/a.hpp "#pragma once|#include \"gmoe/data/b.hpp\"" data/a.hpp "#pragma once|#include \"gmoe/train/b.hpp\"")
check("a cycle among the folders train, io, analysis:"
      train/a.hpp "#pragma once|#include \"gmoe/io/a.hpp\"" io/a.hpp "#pragma once|#include \"gmoe/analysis/a.hpp\""
      analysis/a.hpp "#pragma once|#include \"gmoe/train/a.hpp\"")
check("only io/ reads JSON" model/a.hpp "#pragma once|#include <nlohmann/json.hpp>")
check("neither prints nor reads the command line" core/b.hpp "#pragma once|#include <iostream>")
check("neither prints nor reads the command line" io/b.hpp "#pragma once|#include <CLI/CLI.hpp>")
check("only backend/ knows the device" ops/a.hpp "#pragma once|#include <thrust/sort.h>")
check("only backend/eigen/eigen.hpp and eigen_eigenvalues.hpp do" backend/eigen/a.hpp "#pragma once|#include <Eigen/Core>")
check("a.hpp: opens 'gmoe::eigen'" backend/eigen/a.hpp "#pragma once|namespace gmoe::eigen {|}")
check("by the program that wants it" ops/a.hpp "#pragma once|#include \"gmoe/backend/thrust/a.hpp\"")
check("by the program that wants it" gmoe.hpp "#pragma once|#include \"gmoe/backend/thrust/a.hpp\"")
check("ranks is above core" core/b.hpp "#pragma once|#include \"gmoe/ranks/a.hpp\"")
check("only ranks/mpi.hpp knows MPI" train/a.hpp "#pragma once|#include <mpi.h>")
check("MPI is included by the program that wants it" train/a.hpp "#pragma once|#include \"gmoe/ranks/mpi.hpp\"")
check("3 headers keep their floors" ranks/mpi.hpp "#pragma once|#include <mpi.h>")
check("nn/a.hpp: is not reached from gmoe/gmoe.hpp"
      gmoe.hpp "#pragma once|#include \"gmoe/ops/a.hpp\"" ops/a.hpp "#pragma once|#include \"gmoe/core/a.hpp\""
      nn/a.hpp "#pragma once|#include \"gmoe/ops/a.hpp\"")
check("6 headers keep their floors"
      gmoe.hpp "#pragma once|#include \"gmoe/ops/a.hpp\"" ops/a.hpp "#pragma once|#include \"gmoe/core/a.hpp\""
      io/a.hpp "#pragma once" backend/gpu.hpp "#pragma once")
check("core/b.hpp: prints" core/b.hpp "#pragma once|inline void f() { std::fprintf(stderr, \"x\"); }")
check("3 headers keep their floors" core/b.hpp "#pragma once|inline void f() { std::snprintf(text, 2, \"x\"); }")
check("only includes others" gmoe.hpp "#pragma once|#include \"gmoe/core/a.hpp\"|int x()")
check("write it from the include root" core/b.hpp "#pragma once|#include \"a.hpp\"")
check("no #pragma once" core/b.hpp "// nothing")
string(REPEAT "|" 401 long)
check("at most 400" core/b.hpp "#pragma once${long}")
check("0 of 1 functions twice of gmoe/ops/b.hpp are listed" compiled/operations.hpp "#pragma once" ops/b.hpp
      "#pragma once|template <class B>|variable<B> twice(const variable<B>& x) {|}")
check("b_cards of all_cards is not listed" compiled/families.hpp "#pragma once|apply(instance, a_cards)" model/registry.hpp
      "#pragma once|struct all_cards : card_families<a_cards, b_cards> {|}")
