#!/bin/bash
# run.sh [GRAPEVINE] [--cases "CASE..."] [--soak MINUTES] [--keep]: Grapevine nodes as members of a real Fabric network.
#
# Starts an orderer and peers of two organisations from the programs in $FABRIC_BIN (network/README.md says which) with
# the sample configuration in $FABRIC_CFG, joins nodes (`grapevine node start`, in place of a peer and with a peer's
# environment) and checks what a mixed network must show. Prints a table: item of the checklist (24), what was done,
# pass | FAIL | not applicable | not checked, evidence; after all cases also who checks the other items (elsewhere.md).
# Without the programs: says so and ends with status 0.
#
#   GRAPEVINE   the program                                         (build/release/src/grapevine, build/src/grapevine)
#   --cases     join transfer election storage traps config upgrade      (all of these, in this order; upgrade is the last)
#   --soak      instead: load for that many minutes, every process restarted in turn
#   --keep      keep logs and ledgers of a run that passed, too
#   BLOCKS      environment: blocks of 1 kB that a latecomer finds (300; time limits grow with it)
#   KILLS       environment: kills of the node under load (10)
#   PORTS       environment: base of the ports on 127.0.0.1 (21000)
#   FABRIC_NEXT_BIN, FABRIC_NEXT_CFG
#               environment: programs and sample configuration of a later release (2.5 or newer), for the case upgrade, which
#               is "not checked" without them
#
# Everything lies in a temporary folder, which stays on failure. Exit status 1: an item failed.
set -uo pipefail
ROOM=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ALL="join transfer election storage traps config upgrade"
GRAPEVINE='' CASES=$ALL SOAK='' KEEP=''
while [ $# -gt 0 ]; do
  case $1 in
    --cases) CASES=$2; shift ;;
    --soak) SOAK=$2 CASES=soak; shift ;;
    --keep) KEEP=1 ;;
    -*) sed -n '2,22s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    *) GRAPEVINE=$(realpath "$1") ;;
  esac
  shift
done
for program in peer orderer osnadmin configtxgen configtxlator cryptogen discover; do
  [ -x "${FABRIC_BIN:-}/$program" ] || { echo "skipped: no $program in FABRIC_BIN (${FABRIC_BIN:-unset})"; exit 0; }
done
[ -f "${FABRIC_CFG:-}/core.yaml" ] && [ -f "$FABRIC_CFG/orderer.yaml" ] ||
  { echo "skipped: FABRIC_CFG (${FABRIC_CFG:-unset}) has no core.yaml and orderer.yaml"; exit 0; }
for program in "$ROOM/../../build/release/src/grapevine" "$ROOM/../../build/src/grapevine"; do
  [ -n "$GRAPEVINE" ] || [ ! -x "$program" ] || GRAPEVINE=$(realpath "$program")
done
[ -x "$GRAPEVINE" ] || { echo "no program '$GRAPEVINE': build it, or name it as the first argument" >&2; exit 2; }

WORK=$(mktemp -d)
export FABRIC_NET_DIR=$WORK FABRIC_NET_PORTS=${PORTS:-21000} FABRIC_NET_IDS=5 FABRIC_NET_PEERS="peer0.org1 peer1.org1 peer0.org2"
. "$ROOM/network/common.sh"
. "$ROOM/checks.sh"
for name in $CASES; do . "$ROOM/cases/$name.sh" || exit 2; done

finish() {
  local status=0
  [ ! -s "$WORK/failed" ] || status=1
  "$ROOM/network/down.sh" > /dev/null
  mountpoint -q "$WORK/small" && umount "$WORK/small"
  if [ $status = 0 ] && [ -z "$KEEP" ]; then rm -rf "$WORK"; else echo "logs are in $WORK/logs" >&2; fi
  exit $status
}
trap finish EXIT
trap 'echo "interrupted" > "$WORK/failed"; exit 1' INT TERM

fabric_version=$("$FABRIC_BIN/peer" version 2>/dev/null | sed -n 's/^ *Version: //p')
echo "Fabric ${fabric_version:-of unknown version}, $("$GRAPEVINE" version | head -1), $(date -u +%F)"
echo
echo "| item | what | result | evidence |"
echo "|---|---|---|---|"
fresh_network || exit 1
for name in $CASES; do
  case_$name
  stop_nodes
done
[ "$CASES" != "$ALL" ] || cat "$ROOM/elsewhere.md"
[ ! -s "$WORK/failed" ] || echo "failed: $(paste -sd ' ' "$WORK/failed")"
