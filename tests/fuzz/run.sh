#!/usr/bin/env bash
# Attacks readers for a while: libFuzzer with the sanitizers for addresses and undefined behaviour.
#
#     tests/fuzz/run.sh [--seconds N] [--runs N] [--seed N] [HARNESS]...
#
# Builds the preset `fuzz` (Clang 14: apt-get install clang-14 libomp-14-dev), then runs each harness, all of them if none
# is named, for so many seconds (60), or for so many executions. What it has learned stays in build/fuzz/corpus/HARNESS, and
# the next run begins with it. Ends with 1 at the first find, whose input is then in build/fuzz/finds.
set -eu
cd "$(dirname "$0")/../.."
seconds=60 runs=-1 seed=1
harnesses=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' tests/fuzz/run.sh
      exit
      ;;
    --seconds) seconds=$2 && shift 2 ;;
    --runs) runs=$2 seconds=0 && shift 2 ;;
    --seed) seed=$2 && shift 2 ;;
    -*)
      echo "tests/fuzz/run.sh: there is no option $1; --help lists them" >&2
      exit 2
      ;;
    *) harnesses+=("$1") && shift ;;
  esac
done
if [ ${#harnesses[@]} -eq 0 ]; then
  harnesses=(safetensors trace_tokens checkpoint official_config json log tasks corpus settings replay merge command_line)
fi
cmake --preset fuzz > /dev/null
cmake --build --preset fuzz
work=build/fuzz
[ ! -d /dev/shm ] || export TMPDIR=/dev/shm  # no disk that takes its time
mkdir -p $work/finds
for h in "${harnesses[@]}"; do
  program=$work/tests/fuzz/fuzz_$h
  mkdir -p "$work/corpus/$h"
  "$program" --write-seeds "$work/seeds/$h"
  "$program" --write-words "$work/$h.words"
  "$program" -seed="$seed" -runs="$runs" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
    -dict="$work/$h.words" -artifact_prefix="$work/finds/$h-" -print_final_stats=1 -verbosity=0 \
    "$work/corpus/$h" "$work/seeds/$h" > "$work/$h.log" 2>&1 || {
    tail -40 "$work/$h.log"
    echo "$h: a find, see $work/finds"
    exit 1
  }
  echo "$h: $(sed -n 's/^stat::number_of_executed_units: *//p' "$work/$h.log") executions"
done
