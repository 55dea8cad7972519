#!/usr/bin/env bash
# Installs what is missing, builds build/release and runs the main job once: feed, learn, publish, swap, show.
# Arguments go to `perennial quickstart`: scripts/quickstart.sh --smoke, --data PATH, --keep, --json
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install-deps.sh >&2
scripts/build.sh release perennial perennial-hub perennial-edge perennial-quickstart >&2
exec build/release/perennial quickstart "$@"
