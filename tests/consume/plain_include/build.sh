#!/bin/sh
# build.sh <compiler> <include folder> <program>: no build system at all.
set -e
$1 -std=c++20 -I "$2" $(pkg-config --cflags eigen3) "$(dirname "$0")/../consumer.cpp" -o "$3"
