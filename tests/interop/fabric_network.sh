#!/bin/bash
# A running network of Fabric's own programs with identities to spare, for another program to join.
#
# fabric_network.sh up WORK GRAPEVINE [BLOCKS]   one orderer with a chain of BLOCKS (20) blocks, peer0 of two
#                                                organisations; identities peer1 to peer3 of both are free, with ports
#                                                in WORK/net/endpoints.txt and files in WORK/net/crypto
# fabric_network.sh update WORK N                one more block, by configuration update N: from 1 to 100, in order; waits
#                                                until both peers have it
# fabric_network.sh cli WORK PEER ARGUMENTS...   the peer's command line, as `channel getinfo -c mychannel`
# fabric_network.sh down WORK                    stops everything; WORK stays
#
# Needs FABRIC_BIN and FABRIC_CFG (fabric.sh says what they are). Ports from ${PORTS:-17650} on.
set -euo pipefail
usage() { sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 1; }
[ $# -ge 2 ] || usage
COMMAND=$1 WORK=$(mkdir -p "$2" && cd "$2" && pwd)
. "$(dirname "$0")/fabric.sh"
[ "$COMMAND" = down ] || require_fabric
shift 2
PEERS="peer0.org1.example.com peer0.org2.example.com"

up() {
  [ ! -e "$NET" ] || { echo "$NET is there already: remove $WORK or name another folder" >&2; exit 1; }
  local blocks=${2:-20} peer
  make_network "$1" --peers 4 --blocks "$blocks" --updates 100 --base-port "${PORTS:-17650}"
  launch orderer run_orderer "$WORK/orderer"
  await "$WORK/orderer.log" "Beginning to serve requests" 60
  join_orderer
  await "$WORK/orderer.log" "Raft leader changed: 0 -> 1" 60
  stop orderer
  replace_chain "$WORK/orderer"
  launch orderer run_orderer "$WORK/orderer"
  await "$WORK/orderer.log" "Raft leader changed: 0 -> 1" 60
  for peer in $PEERS; do
    launch $peer run_peer $peer $peer
    await "$WORK/$peer.log" "Started peer with ID" 60
    join_peer $peer
  done
  for peer in $PEERS; do await "$WORK/$peer.log" "Committed block \[$blocks\]" 120; done
  for peer in $PEERS; do await "$WORK/$peer.log" "Membership view has changed. peers went online" 90; done
  echo "$blocks" > "$WORK/blocks"
  echo "up: $PEERS at height $((blocks + 1))"
}

update() {
  submit_update "$1"
  local peer number=$(($(cat "$WORK/blocks") + $1))
  for peer in $PEERS; do await "$WORK/$peer.log" "Committed block \[$number\]" 60; done
}

case $COMMAND in
  up) [ $# -ge 1 ] || usage; up "$@" ;;
  update) [ $# = 1 ] || usage; update "$1" ;;
  cli) as_admin "$@" ;;
  down) stop_all ;;
  *) usage ;;
esac
