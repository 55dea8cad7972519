#!/usr/bin/env bash
# Configures and builds one preset: scripts/build.sh [release|dev|no-torch|asan|tsan] [target ...]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${1:-release}
shift || true
cmake --preset "$preset" >"/tmp/perennial-configure-$$.log" 2>&1 || {
  cat "/tmp/perennial-configure-$$.log" >&2
  rm -f "/tmp/perennial-configure-$$.log"
  exit 1
}
rm -f "/tmp/perennial-configure-$$.log"
# A LibTorch file takes about 1.5 GB to compile: no more jobs than the memory carries.
jobs=$(nproc)
by_memory=$(awk '/MemAvailable/ {print int($2 / 1600000)}' /proc/meminfo)
[ "$by_memory" -lt "$jobs" ] && jobs=$by_memory
[ "$jobs" -lt 1 ] && jobs=1
cmake --build "build/$preset" -j "$jobs" ${@:+--target "$@"}
