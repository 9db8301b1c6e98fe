# cmake -DCOMPILER=... -DINCLUDE=... -DSYSTEM_INCLUDE=a|b -DKNOWN_INCLUDE=c|d -P headers.cmake
#
# Compiles every header of the Thrust backend by itself.
cmake_minimum_required(VERSION 3.25)

set(options -std=c++20 -fsyntax-only -Wall -Wextra -Werror -I${INCLUDE})
string(REPLACE "|" ";" folders "${SYSTEM_INCLUDE}")
string(REPLACE "|" ";" known "${KNOWN_INCLUDE}")
foreach(folder IN LISTS folders)
  if(NOT folder IN_LIST known)  # naming one that the compiler knows would change its order
    list(APPEND options -isystem ${folder})
  endif()
endforeach()

file(GLOB headers ${INCLUDE}/gmoe/backend/thrust/*.hpp ${INCLUDE}/gmoe/backend/thrust.hpp)
list(LENGTH headers count)
if(count LESS 10)
  message(FATAL_ERROR "only ${count} headers below ${INCLUDE}/gmoe/backend/thrust")
endif()
set(failed "")
foreach(header IN LISTS headers)
  execute_process(COMMAND ${COMPILER} ${options} -include ${header} -x c++ /dev/null
                  RESULT_VARIABLE result ERROR_VARIABLE errors)
  if(NOT result EQUAL 0)
    string(APPEND failed "${header}:\n${errors}\n")
  endif()
endforeach()
if(failed)
  message(FATAL_ERROR "${failed}")
endif()
message(STATUS "${count} headers compile by themselves")
