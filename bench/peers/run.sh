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
[ -x "$venv/bin/python" ] || python3 -m venv "$venv" || { echo "peers: skipped, Python cannot make a virtual environment" >&2; exit 0; }
"$venv/bin/python" "$here/install.py" || { echo "peers: skipped, PyTorch cannot be installed here" >&2; exit 0; }
exec "$venv/bin/python" "$here/run.py" --program "$build/bench/peer" --work "$root/build/peers" "$@"
