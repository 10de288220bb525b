#!/usr/bin/env bash
# Builds and runs the tests.
#   scripts/test.sh              release build, every test
#   scripts/test.sh --all        release, asan (address + undefined) and tsan builds
#   scripts/test.sh --repeat N   unit and simulated tests N times, shuffled, each time with another seed
#   scripts/test.sh --kill N     kills a real node N times at random moments while it stores blocks (20 in every run)
#   scripts/test.sh --seed N     base seed of the simulated tests (a failure prints its seed)
. "$(dirname "$0")/common.sh"
presets=(release)
repeat=0
kills=0
while [ $# -gt 0 ]; do
  case $1 in
    --all) presets=(release asan tsan) ;;
    --repeat) repeat=${2:?--repeat needs a number}; shift ;;
    --kill) kills=${2:?--kill needs a number}; shift ;;
    --seed) export GRAPEVINE_SEED=${2:?--seed needs a number}; shift ;;
    --preset) presets=("${2:?--preset needs a name}"); shift ;;
    *) echo "unknown option $1; see the head of scripts/test.sh" >&2; exit 2 ;;
  esac
  shift
done
install_packages
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 TSAN_OPTIONS=halt_on_error=1

if [ "$repeat" -gt 0 ]; then
  build release
  export GTEST_SHUFFLE=1 GTEST_REPEAT=$repeat GTEST_BRIEF=1 GRAPEVINE_MAX_SEEDS=20 GRAPEVINE_QUICK=1
  exec ctest --test-dir build/release -L unit --output-on-failure -j2 --timeout 7200
fi

if [ "$kills" -gt 0 ]; then
  build release
  exec build/release/tests/processes/kill_test build/release/src/grapevine "$kills" "${GRAPEVINE_SEED:-1}"
fi

for preset in "${presets[@]}"; do
  build "$preset"
  [ "$preset" = release ] || export GRAPEVINE_MAX_SEEDS=20 GRAPEVINE_QUICK=1
  say "testing $preset"
  ctest --test-dir "build/$preset" --output-on-failure -j4 --timeout 600  # half of them wait for sockets and processes
done
