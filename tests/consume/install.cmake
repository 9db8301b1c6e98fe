# cmake -DBUILD=<build folder> -DROOT=<repository> -DPREFIX=<folder> -DDOCS=<share/doc/gmoe> -P install.cmake
# Installs, and looks for what nobody compiles: pages and licence.

cmake_minimum_required(VERSION 3.25)

file(REMOVE_RECURSE ${PREFIX})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${PREFIX} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
file(GLOB_RECURSE pages RELATIVE ${ROOT} ${ROOT}/docs/*)
foreach(file LICENSE README.md CHANGELOG.md ${pages})
  if(NOT EXISTS ${PREFIX}/${DOCS}/${file})
    message(SEND_ERROR "${DOCS}/${file} was not installed")
  endif()
endforeach()
file(GLOB_RECURSE headers RELATIVE ${ROOT} ${ROOT}/include/*)
foreach(file IN LISTS headers)
  if(NOT EXISTS ${PREFIX}/${file})
    message(SEND_ERROR "${file} was not installed")
  endif()
endforeach()
