# cmake -DTRAIN=<program> "-DMPIRUN=<mpirun>|<its option for the number of ranks>" -DWORK=<scratch folder> -P train.cmake
#
# The program train on several ranks: byte for byte the checkpoints of one, also when a run is continued on another number
# of ranks; one voice; one sentence for a mistake on the command line.

cmake_minimum_required(VERSION 3.25)

string(REPLACE "|" ";" mpirun "${MPIRUN}")
file(REMOVE_RECURSE ${WORK})
string(REPEAT "In the beginning was the word, and a mixture of experts. " 80 text)
file(WRITE ${WORK}/text.txt "${text}")

# train(<ranks> <expected status> <arguments>...): what it prints is in `output` and `errors`.
macro(train ranks status)
  set(start "")
  if(${ranks} GREATER 1)
    set(start ${mpirun} ${ranks})
  endif()
  execute_process(COMMAND ${start} ${TRAIN} ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE errors)
  if(NOT result EQUAL ${status})
    message(FATAL_ERROR "train ${ARGN} on ${ranks} ranks ended with ${result}, expected ${status}:\n${output}${errors}")
  endif()
endmacro()
# times(<text> <what> <number>)
function(times text what number)
  string(REPLACE ";" "," text "${text}")
  string(REGEX MATCHALL "${what}" found "${text}")
  list(LENGTH found count)
  if(NOT count EQUAL number)
    message(FATAL_ERROR "expected ${number} times '${what}', found ${count} in:\n${text}")
  endif()
endfunction()
# same(<folder of one rank> <folder>)
function(same alone folder)
  foreach(file IN ITEMS checkpoint.safetensors best.safetensors)
    file(SHA256 ${WORK}/${alone}/${file} one)
    file(SHA256 ${WORK}/${folder}/${file} other)
    if(NOT one STREQUAL other)
      message(FATAL_ERROR "${folder}/${file} is not that of one rank")
    endif()
  endforeach()
endfunction()

set(run --variant loss-free --text ${WORK}/text.txt --d-model 8 --heads 2 --layers 2 --d-ff 16 --experts 4 --batch 2
    --sequence 16 --accumulation 4 --threads 1 --evaluate-every 3 --evaluate-batches 2 --sample-tokens 5)
# From the evaluations on, they print the same.
set(results "\nstep 3: validation loss .*\nshare of the tokens.*\n  block 1 .*%\n")
train(1 0 ${run} --steps 6 --checkpoint-dir ${WORK}/one)
string(REGEX MATCH "${results}" one "${output}")
train(2 0 ${run} --steps 6 --checkpoint-dir ${WORK}/two)
same(one two)
string(REGEX MATCH "${results}" two "${output}")
if(NOT one OR NOT one STREQUAL two)
  message(FATAL_ERROR "two ranks print '${two}', one prints '${one}'")
endif()
times("${output}" "loss-free: [0-9]+ parameters[^\n]* on 2 ranks of 1 thread" 1)
times("${output}" "validation loss [0-9.]+ nats" 1)
file(STRINGS ${WORK}/two/log.jsonl lines REGEX "\"gradient_norm\"")
list(LENGTH lines steps)
if(NOT steps EQUAL 6)
  message(FATAL_ERROR "${steps} steps are logged, expected 6")
endif()

# Three steps on one rank, the others on three.
train(1 0 ${run} --steps 3 --checkpoint-dir ${WORK}/parts)
file(COPY ${WORK}/parts/ DESTINATION ${WORK}/alone)
train(3 0 --text ${WORK}/text.txt --resume --steps 6 --threads 1 --checkpoint-dir ${WORK}/parts)
train(1 0 --text ${WORK}/text.txt --resume --steps 6 --threads 1 --checkpoint-dir ${WORK}/alone)
same(alone parts)

# The folder holds a run already.
train(2 1 ${run} --steps 6 --checkpoint-dir ${WORK}/two)
if(NOT errors MATCHES "holds a run already")
  message(FATAL_ERROR "not refused: ${errors}")
endif()

# A mistake on the command line is told once.
train(2 2 --varian switch --text ${WORK}/text.txt)
times("${errors}" "train: [^\n]*--varian" 1)
