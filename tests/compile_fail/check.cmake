# cmake -DCOMPILER=<c++> -DSOURCE=<file> -DINCLUDE_PATH=<a|b|...> [-DPRECOMPILED=<header>] -P check.cmake
#
# The file begins with lines "// expect: <sentence>", and must not compile. The compiler's first errors must be these, in
# this order. So that the file cannot fail for another reason, it either names GMOE_FIXED and compiles where that is
# defined, or has the mended forms beside the mistakes and no other error than those expected.

cmake_minimum_required(VERSION 3.25)

# Line by line: sentences may have semicolons.
file(READ ${SOURCE} text)
set(sentences 0)
while(text MATCHES "^// expect: ([^\n]+)\n")
  math(EXPR sentences "${sentences} + 1")
  set(sentence_${sentences} "${CMAKE_MATCH_1}")
  string(LENGTH "${CMAKE_MATCH_0}" length)
  string(SUBSTRING "${text}" ${length} -1 text)
endwhile()
if(sentences EQUAL 0)
  message(FATAL_ERROR "${SOURCE}: the first line must be '// expect: <sentence>'")
endif()
string(FIND "${text}" "GMOE_FIXED" has_fixed)

string(REPLACE "|" ";" INCLUDE_PATH "${INCLUDE_PATH}")
list(TRANSFORM INCLUDE_PATH PREPEND "-I")
set(command ${COMPILER} -std=c++20 -fsyntax-only ${INCLUDE_PATH})
if(PRECOMPILED)
  list(APPEND command -include ${PRECOMPILED})
endif()

# The compiler's own words must not depend on the language of whoever runs this.
set(ENV{LC_ALL} C)

execute_process(COMMAND ${command} ${SOURCE} RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE output)
if(result EQUAL 0)
  message(FATAL_ERROR "${SOURCE} compiles, but must be refused with: ${sentence_1}")
endif()
# In the error itself, not in the line of source that the compiler prints below it.
set(rest "${output}")
set(errors 0)
while(rest MATCHES "error: [^\n]*")
  math(EXPR errors "${errors} + 1")
  set(error "${CMAKE_MATCH_0}")
  if(errors GREATER sentences)
    if(has_fixed EQUAL -1)
      message(FATAL_ERROR "${SOURCE} has one error more than expected: ${error}\n${output}")
    endif()
    break()
  endif()
  string(FIND "${error}" "${sentence_${errors}}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "${SOURCE}: error ${errors} is\n  ${error}\nwithout the sentence\n  ${sentence_${errors}}\n${output}")
  endif()
  string(FIND "${rest}" "${error}" at)
  string(LENGTH "${error}" length)
  math(EXPR at "${at} + ${length}")
  string(SUBSTRING "${rest}" ${at} -1 rest)
endwhile()
if(errors LESS sentences)
  math(EXPR next "${errors} + 1")
  message(FATAL_ERROR "${SOURCE} is refused ${errors} times, but not with: ${sentence_${next}}\n${output}")
endif()

if(NOT has_fixed EQUAL -1)
  execute_process(COMMAND ${command} -DGMOE_FIXED ${SOURCE} RESULT_VARIABLE result OUTPUT_QUIET ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${SOURCE} must compile with GMOE_FIXED, but:\n${output}")
  endif()
endif()
