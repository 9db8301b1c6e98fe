#!/usr/bin/env bash
# Everything that needs a GPU, in one command: builds the CUDA backend for the GPU of this machine, runs its tests, the
# operations' tests again under compute-sanitizer, then measures. Options go to the benchmark (see bench/cuda/gpu.cu).
#
#   bench/gpu.sh [--sequences 32] [--seconds 1]
#
# Fails if anything failed, and says what. The tables are also in build/cuda/gpu.md.
set -u -o pipefail
cd "$(dirname "$0")/.."

for tool in nvidia-smi nvcc cmake ninja; do
  if ! command -v "$tool" > /dev/null; then
    echo "bench/gpu.sh: '$tool' was not found; this needs a machine with an NVIDIA GPU and the CUDA Toolkit" >&2
    exit 2
  fi
done

failed=""
step() {  # step <name> <command>...
  echo
  echo "== $1"
  local name=$1
  shift
  "$@" || failed="$failed
  $name"
}

echo "== machine"
nvidia-smi --query-gpu=name,driver_version,memory.total,compute_cap --format=csv || exit 2
nvcc --version | tail -n 2
git log -1 --format='commit %h of %cd' 2> /dev/null
architecture=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1 | tr -d '. ')

echo "== build for sm_$architecture"
cmake --preset cuda -DCMAKE_CUDA_ARCHITECTURES="$architecture" || exit 1
cmake --build --preset cuda || exit 1

tests=build/cuda/tests/thrust/test_cuda
step "tests on the GPU" "$tests"
if command -v compute-sanitizer > /dev/null; then
  for tool in memcheck racecheck initcheck; do
    step "operations under compute-sanitizer, $tool" \
      compute-sanitizer --tool "$tool" --error-exitcode 1 "$tests" \
      --source-file='*/tests/backend/*,*/tests/ops/*' --test-case-exclude='*errors of the GPU*'
  done
else
  echo "skipped: compute-sanitizer was not found (it comes with the CUDA Toolkit)"
fi
step "rates" bash -c 'set -o pipefail; build/cuda/bench/cuda/gpu "$@" | tee build/cuda/gpu.md' gpu "$@"

echo
if [ -n "$failed" ]; then
  echo "failed:$failed"
  exit 1
fi
echo "all passed; the tables are in build/cuda/gpu.md"
