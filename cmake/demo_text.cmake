# Makes the demonstration text: the King James Bible, which is in the public domain, as plain English text of about
# 4 MB. One verse per line, a blank line between chapters, two between books.
#
#   cmake -DOUTPUT=path/to/kjv.txt -P cmake/demo_text.cmake
#
# The text comes from the program `bible` of Debian's package bible-kjv; -DBIBLE=path names another place of it.
cmake_minimum_required(VERSION 3.25)

if(NOT OUTPUT)
  message(FATAL_ERROR "demo_text: say where to write the text: cmake -DOUTPUT=path/to/kjv.txt -P cmake/demo_text.cmake")
endif()
get_filename_component(OUTPUT "${OUTPUT}" ABSOLUTE)

find_program(BIBLE bible)
if(NOT BIBLE OR NOT EXISTS "${BIBLE}")
  message(FATAL_ERROR "demo_text: the program 'bible' was not found; install the package bible-kjv "
                      "(apt-get install bible-kjv), or train on a text of your own instead")
endif()

# One verse per line: 'Ge1:1 In the beginning God created the heaven and the earth.'
execute_process(COMMAND "${BIBLE}" -f gen1:1-rev22:21 OUTPUT_VARIABLE text ERROR_VARIABLE complaint
                RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "demo_text: '${BIBLE}' failed (${result}): ${complaint}")
endif()

# The labels go; those of a first verse leave a chapter's blank line, those of a first chapter one more.
set(book "[1-9]?[A-Za-z]+")
set(text "\n${text}")
string(REGEX REPLACE "\n${book}1:1 " "\n\n\n" text "${text}")
string(REGEX REPLACE "\n${book}[0-9]+:1 " "\n\n" text "${text}")
string(REGEX REPLACE "\n${book}[0-9]+:[0-9]+ " "\n" text "${text}")
string(REGEX REPLACE "^\n+" "" text "${text}")

# Another program of the same name, or another format, must not pass for the text.
string(LENGTH "${text}" size)
string(FIND "${text}" "In the beginning God created the heaven and the earth.\n" start)
if(NOT start EQUAL 0 OR size LESS 4000000 OR text MATCHES "\n${book}[0-9]+:[0-9]+ ")
  message(FATAL_ERROR "demo_text: '${BIBLE}' did not print the King James Bible as the package bible-kjv does: "
                      "${size} bytes, expected over 4000000 that begin with Genesis 1:1")
endif()

# Written beside its place and renamed, so that nobody ever reads half a text.
get_filename_component(folder "${OUTPUT}" DIRECTORY)
file(MAKE_DIRECTORY "${folder}")
string(RANDOM LENGTH 12 suffix)
set(unfinished "${OUTPUT}.${suffix}.tmp")
file(WRITE "${unfinished}" "${text}")
file(RENAME "${unfinished}" "${OUTPUT}" RESULT result)
if(NOT result EQUAL 0)
  file(REMOVE "${unfinished}")
  message(FATAL_ERROR "demo_text: cannot write ${OUTPUT}: ${result}")
endif()
message(STATUS "demo_text: ${size} bytes in ${OUTPUT}")
