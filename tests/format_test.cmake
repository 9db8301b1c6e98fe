# cmake -DROOT=<repository> -DWORK=<scratch folder> -P format_test.cmake
# A small repository with one file too many spaces, for format.cmake.

cmake_minimum_required(VERSION 3.25)

function(check expected content)
  file(REMOVE_RECURSE ${WORK})
  file(COPY ${ROOT}/.clang-format DESTINATION ${WORK})
  file(WRITE ${WORK}/include/a.hpp "int x;\n")
  file(WRITE ${WORK}/tests/deeper/b.cpp "${content}")
  execute_process(COMMAND ${CMAKE_COMMAND} -DROOT=${WORK} -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/format.cmake
                  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  string(FIND "${output}" "${expected}" at)
  if(at EQUAL -1)
    message(SEND_ERROR "expected '${expected}', got:\n${output}")
  elseif(result EQUAL 0 AND NOT expected MATCHES "^2 files")
    message(SEND_ERROR "not refused: ${content}")
  endif()
endfunction()

check("2 files are as clang-format leaves them" "int y;\n")
check("tests/deeper/b.cpp" "int  y ;\n")
