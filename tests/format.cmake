# cmake -DROOT=<repository> -P format.cmake
#
# Fails, naming them, for files that are not as clang-format leaves them. Other versions format otherwise, so it has to be
# the one of Debian 12.

cmake_minimum_required(VERSION 3.25)

set(wanted 14)
find_program(CLANG_FORMAT NAMES clang-format-${wanted} clang-format)
if(NOT CLANG_FORMAT)
  message(FATAL_ERROR "clang-format is not installed; this test needs version ${wanted}, Debian 12's: "
                      "apt-get install clang-format")
endif()
execute_process(COMMAND ${CLANG_FORMAT} --version OUTPUT_VARIABLE version COMMAND_ERROR_IS_FATAL ANY)
if(NOT version MATCHES "version ${wanted}\\.")
  string(STRIP "${version}" version)
  message(FATAL_ERROR "${CLANG_FORMAT} is '${version}'; this test needs version ${wanted}, which is Debian 12's")
endif()

set(files "")
foreach(folder include examples bench tests)
  file(GLOB_RECURSE more ${ROOT}/${folder}/*.hpp ${ROOT}/${folder}/*.cuh ${ROOT}/${folder}/*.cpp ${ROOT}/${folder}/*.cu)
  list(APPEND files ${more})
endforeach()
list(LENGTH files count)
if(count EQUAL 0)
  message(FATAL_ERROR "no sources below ${ROOT}")
endif()
execute_process(COMMAND ${CLANG_FORMAT} --style=file --dry-run --Werror ${files} RESULT_VARIABLE result
                ERROR_VARIABLE errors)
string(REGEX MATCHALL "[^\n]+:[0-9]+:[0-9]+: error: " places "${errors}")
list(TRANSFORM places REPLACE ":[0-9]+:[0-9]+: error: $" "")
list(REMOVE_DUPLICATES places)
if(NOT result EQUAL 0 AND NOT places)
  message(FATAL_ERROR "${CLANG_FORMAT} failed (${result}):\n${errors}")
endif()

# It also reports comments that it replaces by themselves (those that close an inline namespace): the text decides.
set(mistakes "")
foreach(place IN LISTS places)
  execute_process(COMMAND ${CLANG_FORMAT} --style=file ${place} OUTPUT_VARIABLE formatted COMMAND_ERROR_IS_FATAL ANY)
  file(READ ${place} text)
  if(NOT "${text}" STREQUAL "${formatted}")
    cmake_path(RELATIVE_PATH place BASE_DIRECTORY ${ROOT})
    string(APPEND mistakes "  ${place}\n")
  endif()
endforeach()
if(mistakes)
  message(FATAL_ERROR "not as clang-format leaves them (clang-format -i FILE mends them):\n${mistakes}")
endif()
message(STATUS "${count} files are as clang-format leaves them")
