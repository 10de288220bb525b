# Sourced by the other scripts: finds the project, installs what is missing, configures and builds a preset.
set -euo pipefail
caller=$PWD
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

say() { printf '== %s\n' "$*" >&2; }

# Installs the packages of packages.txt that are not there yet. The demo needs those above the line "tests, ..." only.
install_packages() {
  local wanted=() missing=() package
  while read -r package; do
    case $package in
      "# tests"*) [ "${1:-all}" = runtime ] && break ;;
      "#"* | "") ;;
      *) wanted+=("$package") ;;
    esac
  done <scripts/packages.txt
  for package in "${wanted[@]}"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  say "installing ${missing[*]}"
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "error: missing packages, and neither root nor sudo to install them: ${missing[*]}" >&2; exit 1; }
    sudo=(sudo)
  fi
  "${sudo[@]}" apt-get update -q >&2
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
}

# build PRESET [CMAKE_OPTION...] [-- TARGET...]
build() {
  local preset=$1 options=() targets=()
  shift
  while [ $# -gt 0 ]; do
    case $1 in
      --) shift; targets=("$@"); break ;;
      *) options+=("$1"); shift ;;
    esac
  done
  say "building $preset"
  cmake --preset "$preset" "${options[@]}" >"build-$preset.log" 2>&1 || { cat "build-$preset.log" >&2; return 1; }
  rm -f "build-$preset.log"
  cmake --build "build/$preset" ${targets:+--target "${targets[@]}"}
}
