#!/bin/bash
# What it costs and brings that waiting threads give way: a short training run in turns with three settings.
#
#     bench/waiting.sh TRAIN TEXT [BUSY] [ROUNDS]
#
# TRAIN is the program `train`, TEXT any text of some 100 kB, BUSY the number of other busy processes to start (0: a
# quiet machine). Prints the seconds of every round and the medians: one thread, two threads as the program is, two
# threads that spin as long as OpenMP likes. On a quiet machine the last two should be within 1 %; with BUSY = 2 the
# second should not be far above the first.
set -eu
train=$1 text=$2 busy=${3:-0} rounds=${4:-7}
folder=$(mktemp -d)
others=()
finish() { for p in "${others[@]}"; do kill "$p"; done; rm -rf "$folder"; }
trap finish EXIT
for ((i = 0; i < busy; ++i)); do
  (while :; do :; done) &
  others+=($!)
done
settings=("1 thread" "2 threads" "2 threads that spin")
run() {  # number of a setting
  local threads=2 spin=()
  [ "$1" = 0 ] && threads=1
  [ "$1" = 2 ] && spin=(GOMP_SPINCOUNT=300000)
  local begin=${EPOCHREALTIME/./}
  env -u GOMP_SPINCOUNT -u OMP_WAIT_POLICY "${spin[@]}" "$train" --variant gmoe --text "$text" --steps 60 \
    --threads "$threads" --evaluate-batches 1 --sample-tokens 0 --overwrite --checkpoint-dir "$folder/run" >/dev/null 2>&1
  echo $((${EPOCHREALTIME/./} - begin))
}
for ((round = 0; round < rounds; ++round)); do
  for s in 0 1 2; do run $s >>"$folder/$s"; done
  awk -v r=$((round + 1)) '{ t[FILENAME] = $1 } END { printf "round %d:", r; for (s = 0; s < 3; ++s) printf "  %.2f s", t[ARGV[s + 1]] / 1e6; print "" }' \
    "$folder/0" "$folder/1" "$folder/2"
done
for s in 0 1 2; do
  sort -n "$folder/$s" | awk -v name="${settings[$s]}" '{ t[NR] = $1 } END { printf "%-20s median %.2f s\n", name, t[int((NR + 1) / 2)] / 1e6 }'
done
