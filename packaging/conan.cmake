# cmake -DROOT=<repository> -DWORK=<scratch folder> -P conan.cmake
# Makes the Conan package, with and without checkpoints, and runs its test programs. Nothing is downloaded: what gmoe
# requires is taken from the system (conan/system). -DCONAN=<path> names another conan than that on the PATH.

cmake_minimum_required(VERSION 3.25)

find_program(CONAN conan)
if(NOT CONAN)
  message("skipped: conan is not installed (PyPI: conan)")
  return()
endif()
macro(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${WORK} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endmacro()

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
set(ENV{CONAN_HOME} ${WORK}/home)
run(${CONAN} profile detect)
foreach(pair eigen=eigen3 nlohmann_json=nlohmann_json)
  string(REGEX MATCH "^(.+)=(.+)$" pair ${pair})
  execute_process(COMMAND pkg-config --modversion ${CMAKE_MATCH_2} OUTPUT_VARIABLE version
                  OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  run(${CONAN} create ${ROOT}/packaging/conan/system --name ${CMAKE_MATCH_1} --version ${version})
endforeach()
foreach(io True False)
  run(${CONAN} create ${ROOT} --no-remote --settings compiler.cppstd=20 --options "gmoe/*:io=${io}"
      --conf tools.cmake.cmake_layout:test_folder=${WORK}/test_io_${io})
endforeach()
