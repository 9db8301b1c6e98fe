#!/bin/sh
# build.sh <compiler> <include folder> <target> <program>: no build system at all.
set -e
case $3 in
gmoe | thrust_host) flags= ;;
io) flags=$(pkg-config --cflags nlohmann_json) ;;
onednn) flags="-DGMOE_GEMM_ONEDNN -ldnnl" ;;
blas) flags="-DGMOE_GEMM_BLAS $(pkg-config --cflags --libs openblas)" ;;
esac
"$1" -std=c++20 -I "$2" $(pkg-config --cflags eigen3) "$(dirname "$0")/../programs/$3.cpp" -o "$4" $flags
