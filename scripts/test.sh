#!/usr/bin/env bash
# Installs what is missing, builds build/release and runs all tests. Arguments go to ctest: scripts/test.sh -L unit
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install-deps.sh
scripts/build.sh release
ctest --test-dir build/release --output-on-failure --no-tests=error -j "$(nproc)" "$@"
