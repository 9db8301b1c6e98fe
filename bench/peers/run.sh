#!/bin/sh
# Compares this library with PyTorch: builds both sides and runs them in turns. See run.py --help for options.
#   bench/peers/run.sh --json OUT.json [--quick]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/build/release

# A preset core type would cripple the BLAS of whoever uses OpenBLAS.
unset OPENBLAS_CORETYPE

[ -f "$build/CMakeCache.txt" ] || (cd "$root" && cmake --preset release >/dev/null)
cmake --build "$build" --target bench_peer

venv=$root/build/peers/venv
export PYTHONPYCACHEPREFIX="$root/build/peers/pycache"
skip() {
  echo "peers: skipped, $1" >&2
  exit 0
}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv" || skip "Python cannot make a virtual environment here"
"$venv/bin/python" "$here/install.py" || skip "PyTorch cannot be installed here"
exec "$venv/bin/python" "$here/run.py" --program "$build/bench/peer" --work "$root/build/peers" "$@"
