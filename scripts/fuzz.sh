#!/usr/bin/env bash
# Runs every fuzz target for a minute (or --seconds N) on a corpus that starts from the recorded fixtures
# or, for HTTP/2, from exchanges that a program beside the target records.
# New inputs are kept in build/fuzz/corpus; a crash leaves its input in build/fuzz/crashes and ends with status 1.
. "$(dirname "$0")/common.sh"
seconds=60
only=
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=${2:?--seconds needs a number}; shift ;;
    *) only=$1 ;;
  esac
  shift
done
install_packages
build fuzz
data=tests/data/fabric-2.5.5
mkdir -p build/fuzz/crashes
seed_corpus() {
  case $1 in
    envelope) cp $data/captures/*.bin $data/negative/*.bin "$2" ;;
    identity) cp $data/identities/*.bin "$2"; find $data/crypto -name '*.pem' -exec cp --backup=numbered {} "$2" \; ;;
    config_block) cp $data/*.block $data/blocks/config-*.block "$2" ;;
    node) cp $data/captures/*.bin "$2" ;;
    rpc_frame) build/fuzz/fuzz/rpc_frame_seeds "$2" ;;
    block_file) head -c 200000 $data/blocks/peer.blockfile_000000 >"$2/peer"; head -c 200000 $data/blocks/orderer.blockfile_000000 >"$2/orderer" ;;
  esac
}
failed=0
for program in build/fuzz/fuzz/*_fuzz; do
  name=$(basename "$program" _fuzz)
  [ -z "$only" ] || [ "$only" = "$name" ] || continue
  corpus=build/fuzz/corpus/$name
  mkdir -p "$corpus"
  seed_corpus "$name" "$corpus"
  say "fuzzing $name for $seconds s"
  "$program" -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=2048 -timeout=10 -use_value_profile=1 -print_final_stats=1 \
    -artifact_prefix=build/fuzz/crashes/"$name"- "$corpus" 2>&1 |
    { grep -aE '==ERROR|SUMMARY|stat::number_of_executed|stat::average|stat::peak_rss|DONE' || true; } || failed=1
done
exit $failed
