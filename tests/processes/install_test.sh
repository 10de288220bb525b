#!/usr/bin/env bash
# What an embedder does: installs the library, builds the example as a project of its own, with CMake and with
# pkg-config, and lets both join a channel and print its blocks.
#   install_test.sh BUILD_FOLDER SOURCE_FOLDER
set -euo pipefail
build=$1 source=$2
work=$(mktemp -d)
orderer_pid='' example_pid='' count=0
finish() {
  for pid in $example_pid $orderer_pid; do kill "$pid" 2> /dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT
. "$source/tests/processes/common.sh"
quietly() { "$@" > "$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }; }

quietly cmake --install "$build" --prefix "$work/prefix"
quietly cmake -S "$source/examples/print_blocks" -B "$work/cmake" -G Ninja -DCMAKE_PREFIX_PATH="$work/prefix"
quietly cmake --build "$work/cmake"
pc=$(dirname "$(find "$work/prefix" -name grapevine.pc)")
# shellcheck disable=SC2046
quietly c++ "$source/examples/print_blocks/main.cc" -o "$work/print_blocks" \
  $(PKG_CONFIG_PATH="$pc" pkg-config --cflags --libs grapevine)

grapevine=$work/prefix/bin/grapevine
make_network "$grapevine" 20
start_orderer "$grapevine"
for example in "$work/cmake/print_blocks" "$work/print_blocks"; do
  write_core_yaml "$work/core.yaml" "$work/data$((++count))"
  rm -f "$work/blocks"
  mkfifo "$work/blocks"
  "$example" "$work/core.yaml" "$genesis" > "$work/blocks" 2> "$work/log" &
  example_pid=$!
  grep -q -m 1 -x 'mychannel 20' "$work/blocks" || { cat "$work/log" >&2; echo "$example ended early" >&2; exit 1; }
  kill "$example_pid"
  wait "$example_pid" || true
done
echo "installed, built with CMake and pkg-config, joined a channel and printed its blocks"
