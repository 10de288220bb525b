#!/usr/bin/env bash
# clang-format and clang-tidy over the sources; scripts/lint.sh FILE... checks only those.
. "$(dirname "$0")/common.sh"
install_packages
files=("$@")
[ $# -gt 0 ] || mapfile -t files < <(git ls-files '*.cc' '*.h')
clang-format-19 --dry-run -Werror "${files[@]}"
build lint -- grapevine_wire  # the compiler's commands as clang understands them, and the generated headers
mapfile -t sources < <(printf '%s\n' "${files[@]}" | grep '\.cc$' || true)
[ ${#sources[@]} -eq 0 ] || printf '%s\n' "${sources[@]}" | xargs -P "$(nproc)" -n 4 clang-tidy-19 -quiet -p build/lint
