#!/usr/bin/env bash
# One command: installs what is missing, builds and runs the demo. Options go to `grapevine demo`.
. "$(dirname "$0")/common.sh"
install_packages runtime
build release -DGRAPEVINE_BUILD_TESTS=OFF -DGRAPEVINE_BUILD_BENCH=OFF -B build/demo >&2
exec build/demo/src/grapevine demo "$@"
