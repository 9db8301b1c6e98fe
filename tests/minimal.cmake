# cmake -DROOT=<repository> -DCOMPILER=<c++> -DWORK=<scratch folder> -P minimal.cmake
#
# Compiles examples/minimal.cpp by the command of README.md and with every warning an error, as a user would, and runs it
# without its text. A compiler other than g++ only checks: its runtime of OpenMP need not be installed.

cmake_minimum_required(VERSION 3.25)

set(warnings -Wall -Wextra -Wpedantic -Werror)
file(STRINGS ${ROOT}/README.md command REGEX "^g\\+\\+ .* examples/minimal\\.cpp -o minimal$")
list(LENGTH command count)
if(NOT count EQUAL 1)
  message(FATAL_ERROR "README.md has ${count} lines that compile examples/minimal.cpp with g++, expected one")
endif()
separate_arguments(command UNIX_COMMAND "${command}")
list(POP_FRONT command)
list(TRANSFORM command REPLACE "^minimal$" "${WORK}/minimal")

if(NOT COMPILER)
  message("skipped: this compiler is not installed")
  return()
endif()
execute_process(COMMAND ${COMPILER} --version OUTPUT_VARIABLE version COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCH "^[^\n]*" version "${version}")
message("${version}")
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})

if(version MATCHES "clang")
  file(WRITE ${WORK}/openmp.cpp "#include <omp.h>\n")
  execute_process(COMMAND ${COMPILER} -fopenmp -fsyntax-only ${WORK}/openmp.cpp RESULT_VARIABLE result ERROR_QUIET)
  if(NOT result EQUAL 0)
    list(REMOVE_ITEM command -fopenmp)
    message("without -fopenmp: this compiler has no omp.h (Debian: libomp-*-dev)")
  endif()
  execute_process(COMMAND ${COMPILER} ${command} ${warnings} -fsyntax-only -Wno-unused-command-line-argument
                  WORKING_DIRECTORY ${ROOT} COMMAND_ERROR_IS_FATAL ANY)
  return()
endif()

execute_process(COMMAND ${COMPILER} ${command} ${warnings} WORKING_DIRECTORY ${ROOT} COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${WORK}/minimal WORKING_DIRECTORY ${WORK} RESULT_VARIABLE result
                OUTPUT_VARIABLE output ERROR_VARIABLE complaint)
if(NOT result EQUAL 1 OR output OR NOT complaint MATCHES "\"text\\.txt\" does not exist\n$")
  message(FATAL_ERROR "without its text the program must say so and exit with 1, but: ${result}, '${output}', '${complaint}'")
endif()
