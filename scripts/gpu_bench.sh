#!/usr/bin/env bash
# Online training of a ResNet-18 on a GPU: Perennial against the same algorithm in plain PyTorch, in turns on one machine.
#   scripts/gpu_bench.sh [TURNS] [FOLDER]     (3 turns; the first also compares the loss curves; raw figures stay in FOLDER)
# Builds nothing: PERENNIAL_BENCH names the program (default build/release/perennial-bench), PYTHON a Python with PyTorch.
# Prints one JSON object; gpu_bench_summary.py says what is in it.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
bench="${PERENNIAL_BENCH:-$here/../build/release/perennial-bench}"
python="${PYTHON:-python3}"
turns="${1:-3}"
folder="${2:-$(mktemp -d)}"
mkdir -p "$folder/dump"
for turn in $(seq 1 "$turns"); do
  if [ "$turn" = 1 ]; then
    "$bench" gpu-train --json --dump "$folder/dump" > "$folder/cpp_$turn.json"
    "$python" "$here/gpu_reference.py" "$folder/dump" --losses > "$folder/python_$turn.json"
  else
    "$bench" gpu-train --json > "$folder/cpp_$turn.json"
    "$python" "$here/gpu_reference.py" "$folder/dump" > "$folder/python_$turn.json"
  fi
done
"$python" "$here/gpu_bench_summary.py" "$folder"
