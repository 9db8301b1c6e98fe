# cmake -DCOMPILER=<c++> -DSOURCE=<file> -DINCLUDE_PATH=<a|b|...> -P headers.cmake
# A file that includes every header compiles without a warning, by a compiler that may not be here.

cmake_minimum_required(VERSION 3.25)

if(NOT COMPILER)
  message("skipped: this compiler is not installed")
  return()
endif()
string(REPLACE "|" ";" INCLUDE_PATH "${INCLUDE_PATH}")
list(TRANSFORM INCLUDE_PATH PREPEND "-I")
execute_process(COMMAND ${COMPILER} -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Werror ${INCLUDE_PATH} ${SOURCE}
                COMMAND_ERROR_IS_FATAL ANY)
