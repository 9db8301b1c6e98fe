# cmake -DCOMPARE=<program> -DNODE=<node> -DPAGE=<page.js> -DWORK=<folder> -P page.cmake
#
# Makes a report of variants that share experts, or have some of different width, and runs its script without a browser:
# what stands in the page, and that no number in it is none.

cmake_minimum_required(VERSION 3.25)

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
string(REPEAT "The quick brown fox jumps over the lazy dog. " 200 text)
file(WRITE ${WORK}/text.txt "${text}")
execute_process(
  COMMAND ${COMPARE} --variants switch,gmoe,hmoe,rexmoe --text ${WORK}/text.txt --steps 2 --batch 2 --sequence 16 --d-model 16
          --layers 2 --heads 2 --d-ff 16 --experts 4 --seeds 1 --threads 1 --runs "" --json ${WORK}/results.json
          --report ${WORK}/report.html
  OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "compare failed (${result}):\n${output}")
endif()

function(run_page file)
  execute_process(COMMAND ${NODE} ${PAGE} ${file} OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "the page's script failed (${result}):\n${output}")
  endif()
  foreach(expected IN LISTS ARGN)
    string(FIND "\n${output}" "${expected}" at)
    if(at EQUAL -1)
      message(FATAL_ERROR "the page has no '${expected}':\n${output}")
    endif()
  endforeach()
endfunction()

# Of each a picture and the mark of its colour. GMoE's pool of 4 stands below itself in two blocks and in all together;
# those of hmoe are two blocks' own; rexmoe's blocks see the 8 of both.
run_page(${WORK}/report.html
  "\nwith-pools: svg 0"
  "\npools: svg 6, rect 44, "
  "4 experts in the model\; a block sees 4 of them, an expert is seen by 2 of 2 blocks"
  "4 experts in each block\; 9 to 23 hidden units"
  "8 experts in the model\; a block sees 8 of them")
# Results of earlier versions do not know which experts their layers see.
file(READ ${WORK}/report.html page)
string(REPLACE "\"ids\":" "\"earlier\":" page "${page}")
file(WRITE ${WORK}/earlier.html "${page}")
run_page(${WORK}/earlier.html "\nwith-pools: hidden" "\npools: svg 0, rect 0, ")
file(REMOVE_RECURSE ${WORK})
