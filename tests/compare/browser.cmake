# cmake -DCOMPARE=<program> -DBROWSER=<chromium> -DWORK=<folder> -P browser.cmake
#
# Makes a report of a few variants, one of them dense, and opens it in a browser without a window: every picture must be
# drawn, and nothing may complain.

cmake_minimum_required(VERSION 3.25)

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
string(REPEAT "The quick brown fox jumps over the lazy dog. " 200 text)
file(WRITE ${WORK}/text.txt "${text}")
set(questions "")
foreach(i RANGE 19)
  string(APPEND questions "{\"context\": \"The quick ${i}\", \"choices\": [\" fox\", \" <i>x\"], \"label\": 0, \"task\": \"t<b>${i}\"}\n")
endforeach()
file(WRITE ${WORK}/questions.jsonl "${questions}")
execute_process(
  COMMAND ${COMPARE} --variants gmoe,dense,switch --text ${WORK}/text.txt --steps 4 --batch 2 --sequence 16 --d-model 16
          --heads 2 --d-ff 16 --experts 4 --seeds 2 --tasks ${WORK}/questions.jsonl --runs "" --json ${WORK}/results.json --report ${WORK}/report.html
  OUTPUT_VARIABLE output ERROR_VARIABLE output RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "compare failed (${result}):\n${output}")
endif()

execute_process(
  COMMAND ${BROWSER} --headless=new --no-sandbox --disable-gpu --enable-logging=stderr --v=0 --user-data-dir=${WORK}/profile
          --virtual-time-budget=5000 --dump-dom file://${WORK}/report.html
  OUTPUT_VARIABLE page ERROR_VARIABLE messages RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "the browser failed (${result}):\n${messages}")
endif()
string(REGEX MATCHALL "[^\n]*CONSOLE[^\n]*" complaints "${messages}")
if(complaints)
  message(FATAL_ERROR "the page complains:\n${complaints}")
endif()

# id, and how many drawings of at least how many shapes it must hold.
function(expect id drawings shapes)
  string(REGEX MATCH "id=\"${id}\".*" rest "${page}")
  string(REGEX REPLACE "</section>.*|<h2>.*" "" part "${rest}")
  string(REGEX MATCHALL "<svg[^>]*role=\"img\"" found "${part}")
  string(REGEX MATCHALL "<(path|rect|line) " marks "${part}")
  list(LENGTH found found)
  list(LENGTH marks marks)
  if(found LESS drawings OR marks LESS shapes)
    message(FATAL_ERROR "'${id}' holds ${found} drawings with ${marks} shapes, expected ${drawings} with ${shapes}")
  endif()
endfunction()
expect(curves 1 15)   # three lines, their marks, the grid
expect(scatter 1 6)   # three marks with bars, since there are two seeds
expect(differences 1 7)  # two intervals, their marks, the line of no difference, two lines of the grid at least
expect(task-differences 1 9)  # two intervals each
expect(loads 2 24)    # 4 x 4 and 2 x 4 experts
expect(pools 1 20)    # of the pool that gmoe shares, and all blocks together
expect(flows 2 24)
foreach(words IN ITEMS "Dense: no experts" "Dense: no paths" "common normalised H" "gmoe" "switch" "equal tokens" "bigram"
              "products by" "t&lt;b&gt;19" "over all" "95 % interval" "Agresti and Min")
  string(FIND "${page}" "${words}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "the page does not say '${words}'")
  endif()
endforeach()
file(REMOVE_RECURSE ${WORK})
