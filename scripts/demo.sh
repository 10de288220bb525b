#!/usr/bin/env bash
# One command: installs what is missing, builds and runs the demo. Options go to `grapevine demo`.
. "$(dirname "$0")/common.sh"
install_packages runtime
build demo -- grapevine >&2
cd "$caller"  # paths in the options are relative to where the user stands
exec "$root/build/demo/src/grapevine" demo "$@"
