# Makes minimal pairs from the last tenth of the demonstration text, which programs validate on: beginnings of verses as
# they stand, and the same with one mistake. One JSON object per line, in BLiMP's form, for examples/score.
#
#   cmake -DTEXT=path/to/kjv.txt -DOUTPUT=path/to/pairs.jsonl -P cmake/demo_pairs.cmake
cmake_minimum_required(VERSION 3.25)

if(NOT TEXT OR NOT OUTPUT)
  message(FATAL_ERROR "demo_pairs: say where the text is, and where to write: cmake -DTEXT=path/to/kjv.txt "
                      "-DOUTPUT=path/to/pairs.jsonl -P cmake/demo_pairs.cmake (cmake/demo_text.cmake makes the text)")
endif()
if(NOT EXISTS "${TEXT}")
  message(FATAL_ERROR "demo_pairs: there is no ${TEXT}; cmake/demo_text.cmake makes the text")
endif()

# Every verse as far as CMake and JSON need no care for it, such as to a semicolon; of these what fits into 120 bytes.
file(SIZE "${TEXT}" size)
math(EXPR begin "${size} - ${size} / 10")
file(READ "${TEXT}" text OFFSET ${begin})
string(REGEX MATCHALL "\n[A-Z][A-Za-z ,.:?!'-]+" verses "${text}")

# What is right, what is wrong, and the name of the mistake.
set(mistakes
  "thou hast|thou hath|verb" "thou art|thou am|verb" "thou shalt|thou shall|verb" "he hath|he hast|verb"
  "I am|I art|verb" "they were|they was|verb" "he was|he were|verb" "ye are|ye art|verb"
  "unto him|unto he|pronoun" "unto them|unto they|pronoun" "unto me|unto I|pronoun" "of him|of he|pronoun"
  "with him|with he|pronoun" "with them|with they|pronoun"
  "of the|the of|order" "in the|the in|order" "unto the|the unto|order" "to the|the to|order" "from the|the from|order")
set(lines "")
set(count 0)
foreach(verse IN LISTS verses)
  string(STRIP "${verse}" verse)
  string(LENGTH "${verse}" length)
  if(length GREATER 120)
    continue()
  endif()
  foreach(mistake IN LISTS mistakes)
    string(REPLACE "|" ";" parts "${mistake}")
    list(GET parts 0 right)
    list(GET parts 1 wrong)
    list(GET parts 2 name)
    string(FIND "${verse}" " ${right} " at)
    if(at EQUAL -1)
      continue()
    endif()
    # The first of them alone.
    string(SUBSTRING "${verse}" 0 ${at} before)
    string(LENGTH " ${right} " taken)
    math(EXPR rest "${at} + ${taken}")
    string(SUBSTRING "${verse}" ${rest} -1 after)
    string(APPEND lines "{\"sentence_good\": \"${verse}\", \"sentence_bad\": \"${before} ${wrong} ${after}\", "
                        "\"UID\": \"${name}\"}\n")
    math(EXPR count "${count} + 1")
  endforeach()
endforeach()
if(count LESS 100)
  message(FATAL_ERROR "demo_pairs: ${count} pairs in ${TEXT}, expected at least 100: is it the text of demo_text.cmake?")
endif()
file(WRITE "${OUTPUT}" "${lines}")
message(STATUS "demo_pairs: ${count} pairs in ${OUTPUT}")
