# cmake -DCOMPARE=<program> -DRECOMPUTE=<program> -DSCRIPT=<bench/reproduce.sh> -DWORK=<folder> -P reproduce.cmake
#
# The table of docs/reproduce.md with very small models: all of it is there, follows from the runs' own files, and is not
# made twice.

cmake_minimum_required(VERSION 3.25)

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
set(text "")
foreach(i RANGE 399)
  string(APPEND text "And he was in the land ${i}.\nThou art unto him as verse\nFor thou hast gone with them to the sea.\n")
endforeach()
file(WRITE ${WORK}/text.txt "${text}")

function(reproduce result)
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E env OUT=${WORK}/claims COMPARE=${COMPARE} TEXT=${WORK}/text.txt OMP_WAIT_POLICY=passive
            ${SCRIPT} --steps 2 --batch=2 --sequence 64 --d-model 16 --heads 2 --d-ff 16 --experts 4 --threads 1
            --validation-tokens 512 --analysis-tokens 512 ${ARGN}
    OUTPUT_VARIABLE output ERROR_VARIABLE messages RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "the script failed (${status}):\n${messages}${output}")
  endif()
  set(${result} "${output}" PARENT_SCOPE)
endfunction()
function(expect count words text)
  string(REGEX MATCHALL "${words}" found "${text}")
  list(LENGTH found found)
  if(NOT found EQUAL count)
    message(FATAL_ERROR "'${words}' is there ${found} times, expected ${count}:\n${text}")
  endif()
endfunction()

reproduce(first)
expect(21 "perplexity [0-9.]+, " "${first}")  # seven variants, three seeds
expect(0 "finished before" "${first}")
foreach(variant IN ITEMS switch gshard dense gmoe-no-local gmoe-no-logits gmoe-no-state)
  # Of the loss, and of the accuracy with an interval more.
  expect(2 "\n${variant} +[+-][0-9.]+ +[+-][0-9.]+ to [+-][0-9.]+ [^\n]* 3" "${first}")
endforeach()
foreach(words IN ITEMS "\nbigram " "\nunigram " "\nverb " "\npronoun " "\norder " "\nover all ")
  expect(1 "${words}" "${first}")
endforeach()
execute_process(COMMAND ${RECOMPUTE} ${WORK}/claims/results.json ${WORK}/claims/finished
                OUTPUT_VARIABLE output RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "the numbers do not follow from the runs:\n${output}")
endif()

if(first MATCHES "table: ")
  file(STRINGS ${WORK}/claims/table.md lines ENCODING UTF-8)
  list(LENGTH lines count)
  if(NOT count EQUAL 11)  # head, rule, seven variants, two models that count
    message(FATAL_ERROR "the table has ${count} lines, expected 11:\n${lines}")
  endif()
endif()

reproduce(second)
expect(21 "finished before" "${second}")
reproduce(third --seeds 1)
expect(7 "finished before" "${third}")
file(REMOVE_RECURSE ${WORK})
