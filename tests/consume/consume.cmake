# cmake -DWAY=<folder> -DTARGET=<gmoe::TARGET> -DROOT=<repository> -DPREFIX=<installed gmoe> -DWORK=<build folder> ...
#       -P consume.cmake
# Builds the project tests/consume/<way> from nothing, with the program of one target, and runs it.

cmake_minimum_required(VERSION 3.25)

if(MISSING)
  message("skipped: ${MISSING}")
  return()
endif()
set(project ${CMAKE_CURRENT_LIST_DIR}/${WAY})
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
set(ENV{PKG_CONFIG_PATH} ${PREFIX}/share/pkgconfig)

function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${WORK} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

if(EXISTS ${project}/CMakeLists.txt)
  run(${CMAKE_COMMAND} -S ${project} -B ${WORK} -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${COMPILER}
      -DCMAKE_PREFIX_PATH=${PREFIX} -DGMOE_ROOT=${ROOT} -DGMOE_TARGET=${TARGET})
  run(${CMAKE_COMMAND} --build ${WORK})
else()
  run(${project}/build.sh ${COMPILER} ${PREFIX}/include ${TARGET} ${WORK}/consumer)
endif()
run(${WORK}/consumer)
