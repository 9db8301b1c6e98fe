#!/usr/bin/env bash
# The table of docs/reproduce.md in one command: builds compare, makes the text and its minimal pairs, trains GMoE, its
# ablations and its baselines with three seeds each, and compares them. An hour and a half with one thread, less with two.
#
#     bench/reproduce.sh [OPTION OF compare]...
#
# What was interrupted goes on with the same command; other options, such as --steps 300 (some minutes) or --seeds 5,
# take the place of those below. Results lie in build/claims, as a table in Markdown too where there is a Python.
#
# Environment: OUT, another folder for the results; COMPARE, a program that is built already; TEXT, another text.
# Relative paths begin at the root of the repository.
set -eu
cd "$(dirname "$0")/.."
out=${OUT:-build/claims}
compare=${COMPARE:-build/release/examples/compare}
text=${TEXT:-$out/text.txt}
mkdir -p "$out"
if [ -z "${COMPARE:-}" ]; then
  cmake --preset release
  cmake --build --preset release --target example_compare
fi
[ -e "$text" ] || cmake -DOUTPUT="$text" -P cmake/demo_text.cmake
cmake -DTEXT="$text" -DOUTPUT="$out/pairs.jsonl" -P cmake/demo_pairs.cmake

# Two words each, an option and its value.
defaults=(
  --variants gmoe,switch,gshard,dense,gmoe-no-local,gmoe-no-logits,gmoe-no-state
  --seeds 3 --batch 8 --steps 2000
  --json "$out/results.json" --report "$out/report.html" --runs "$out/finished"
)
command=("$compare" --text "$text" --tasks "$out/pairs.jsonl")
for ((i = 0; i < ${#defaults[@]}; i += 2)); do
  given=no
  for word in "$@"; do
    case $word in "${defaults[i]}" | "${defaults[i]}="*) given=yes ;; esac
  done
  [ $given = yes ] || command+=("${defaults[i]}" "${defaults[i + 1]}")
done
"${command[@]}" "$@"
if [ -e "$out/results.json" ] && command -v python3 > /dev/null; then
  python3 bench/reproduce_table.py "$out/results.json" > "$out/table.md"
  echo "table:   $out/table.md"
fi
