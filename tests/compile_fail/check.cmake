# cmake -DCOMPILER=<c++> -DSOURCE=<file> -DINCLUDE_PATH=<a|b|...> -P check.cmake
#
# The file's first line is "// expect: <sentence>". As it is the file must not compile, and the compiler must say the
# sentence; with GMOE_FIXED defined it must compile, so that it cannot fail for another reason.

cmake_minimum_required(VERSION 3.25)

file(STRINGS ${SOURCE} first LIMIT_COUNT 1)
if(NOT first MATCHES "^// expect: (.+)$")
  message(FATAL_ERROR "${SOURCE}: the first line must be '// expect: <sentence>'")
endif()
set(sentence "${CMAKE_MATCH_1}")

string(REPLACE "|" ";" INCLUDE_PATH "${INCLUDE_PATH}")
list(TRANSFORM INCLUDE_PATH PREPEND "-I")
set(command ${COMPILER} -std=c++20 -fsyntax-only ${INCLUDE_PATH})

# The compiler's own words must not depend on the language of whoever runs this.
set(ENV{LC_ALL} C)

execute_process(COMMAND ${command} ${SOURCE} RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE output)
if(result EQUAL 0)
  message(FATAL_ERROR "${SOURCE} compiles, but must be refused with: ${sentence}")
endif()
# In the error itself, not in the line of source that the compiler prints below it.
string(REGEX MATCHALL "[^\n]*error: [^\n]*" errors "${output}")
string(FIND "${errors}" "${sentence}" at)
if(at EQUAL -1)
  message(FATAL_ERROR "${SOURCE} is refused without the sentence: ${sentence}\n${output}")
endif()

execute_process(COMMAND ${command} -DGMOE_FIXED ${SOURCE} RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE output)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "${SOURCE} must compile with GMOE_FIXED, but:\n${output}")
endif()
