#!/usr/bin/env bash
# The campaign: programs and readers against faults, full disks, kills and another reader, for as long as one likes.
#
#     tests/campaign/run.sh [PART]... [-- OPTION...]
#
# Parts, all of them if none is named:
#
#     faults    the k-th call of the system fails, for every k
#     disks     full and read-only disks, as mounts of their own
#     kills     signals at random moments; whoever continues comes to the same bits
#     races     threads that share a model under the race detector of Clang 14 (clang-14); it has no options
#     oracle    the Python package safetensors and ours read the same mutated files (needs safetensors and numpy)
#
# Builds the preset `long` if GMOE_CAMPAIGN_BUILD does not name the folder of a build. Options go to the one part that is
# named: `run.sh faults -- --help` lists them. Ends with 1 if something was found. A short run of some is in the test
# command (`ctest -R '^campaign/'`); the harnesses of tests/fuzz have a script of their own.
set -eu
cd "$(dirname "$0")/../.."
parts=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  case $1 in
    -h | --help)
      sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' tests/campaign/run.sh
      exit
      ;;
    faults | disks | kills | races | oracle) parts+=("$1") && shift ;;
    *)
      echo "tests/campaign/run.sh: there is no part '$1'; --help lists them" >&2
      exit 2
      ;;
  esac
done
[ $# -eq 0 ] || shift
if [ ${#parts[@]} -eq 0 ]; then
  parts=(faults disks kills races oracle)
fi
if [ $# -gt 0 ] && [ ${#parts[@]} -ne 1 ]; then
  echo "tests/campaign/run.sh: options are for one part; name it" >&2
  exit 2
fi
if [ -z "${GMOE_CAMPAIGN_BUILD:-}" ]; then
  GMOE_CAMPAIGN_BUILD=build/long
  cmake --preset long > /dev/null
  cmake --build --preset long
fi
found=0
for part in "${parts[@]}"; do
  echo "== $part"
  if [ "$part" = races ]; then
    clang++-14 -std=c++20 -O1 -g1 -fsanitize=thread -I include -isystem "${GMOE_EIGEN:-/usr/include/eigen3}" tests/campaign/races.cpp \
      -o "$GMOE_CAMPAIGN_BUILD/races" && TSAN_OPTIONS=halt_on_error=1 "$GMOE_CAMPAIGN_BUILD/races" || found=1
    continue
  fi
  "${GMOE_PYTHON:-python3}" "tests/campaign/$part.py" --build "$GMOE_CAMPAIGN_BUILD" "$@" || found=1
done
exit $found
