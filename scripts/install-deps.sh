#!/usr/bin/env bash
# Installs everything Perennial builds and tests with on a bare Debian 12. Needs root (or sudo). Safe to run again.
set -euo pipefail

packages=(
  # tools
  build-essential clang clang-format clang-tidy libclang-rt-14-dev cmake ninja-build ccache mold pkg-config python3 git ca-certificates
  # LibTorch and its companions
  libtorch-dev libgloo-dev libdnnl-dev
  # storage
  librocksdb-dev libarchive-dev libzstd-dev zlib1g-dev libjpeg62-turbo-dev libpng-dev libssl-dev libtomlplusplus-dev libspdlog-dev
  # update plane
  libzmq3-dev libsodium-dev
  # faces
  libcpp-httplib-dev libcli11-dev nlohmann-json3-dev libsimdjson-dev prometheus-cpp-dev
  # tests
  libgtest-dev libgmock-dev curl
)

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "install-deps: all ${#packages[@]} packages are there"
  exit 0
fi

run() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi; }
if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
  echo "install-deps: needs root to install: ${missing[*]}" >&2
  echo "run it as root, or ask your administrator for these Debian 12 packages" >&2
  exit 1
fi
echo "install-deps: installing ${#missing[@]} packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
run apt-get update -qq
run apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
echo "install-deps: done"
