#!/bin/bash
# fabric_comm.sh GRAPEVINE FABRIC_COMM [ROUNDS]: Fabric's own peers judge our connections (specification 02 and 24, A).
#
# Needs FABRIC_BIN and FABRIC_CFG (fabric.sh says what they are); without them: exit 77. Listens from port
# ${PORTS:-17850} on, takes about 5 minutes, and keeps everything in a temporary folder, which stays on failure.
# ROUNDS (13) is for the crossing dials: 8 trials in each of both kinds.
#
# Prints item | pass or fail | evidence, by the program fabric_comm (its beginning lists the items) and by the peers'
# logs. Exit status 1: an item failed.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 1; }
GRAPEVINE=$(realpath "$1") FABRIC_COMM=$(realpath "$2") ROUNDS=${3:-13}
WORK=$(mktemp -d)
. "$(dirname "$0")/fabric.sh"
FAILED=
finish() {
  local status=$?
  stop_all
  [ "$status" != 0 ] || [ -z "$FAILED" ] || status=1
  case $status in 0 | 77) rm -rf "$WORK" ;; *) echo "FAILED; logs are in $WORK" >&2 ;; esac
  exit "$status"
}
trap finish EXIT
require_fabric

# The debug lines tell whom a peer authenticates. A peer passes alive messages on to everybody, so that an introduced
# node is dialled at once.
export FABRIC_LOGGING_SPEC=gossip.comm=debug:info CORE_PEER_GOSSIP_PROPAGATEPEERNUM=20
export PORTS=${PORTS:-17850}
OWN=peer0.org1.example.com OTHER=peer0.org2.example.com NEWCOMER=peer3.org1.example.com

run() { "$FABRIC_COMM" "$NET" "$@" 2>> "$WORK/fabric_comm.log" || FAILED=yes; }
report() { # report ITEM COMMAND... : passes when the command, which prints evidence, does
  local item=$1 evidence verdict=pass
  shift
  evidence=$("$@") || { verdict=fail FAILED=yes; }
  echo "$item | $verdict | $evidence"
}
line_count() { wc -l < "$WORK/$1.log"; }
# Lines of a peer's log after line FROM, of those that match.
since() { tail -n +"$(($2 + 1))" "$WORK/$1.log" | sed 's/\x1b\[[0-9;]*m//g' | grep -E -- "$3" || true; }
mentioned() { # mentioned PEER FROM PATTERN: at least once
  local count
  count=$(since "$1" "$2" "$3" | wc -l)
  echo "$count lines '$3' in the log of $1"
  [ "$count" -gt 0 ]
}
# No complaint about handshakes, streams or pings. A handshake that we give up for the peer's own stream (02, 14.2 R3)
# is regular; the peer tells that it has timed out.
quiet() { # quiet PEER FROM
  local complaints
  complaints=$(since "$1" "$2" "Authentication failed|Identity store rejected|didn't send a TLS|too_many_pings|ENHANCE_YOUR_CALM|ResourceExhausted|Failed verif|malformed|unmarshal" |
    grep -vc "timed out waiting for connection message" || true)
  echo "$complaints complaints in the log of $1"
  [ "$complaints" = 0 ]
}

"$(dirname "$0")/fabric_network.sh" up "$WORK" "$GRAPEVINE" 2 > "$WORK/up.log" || { cat "$WORK/up.log"; exit 1; }
"$GRAPEVINE" testnet --out "$WORK/foreign" --peers 4 --blocks 1 --seed 2 > /dev/null

declare -A FROM
mark() { local peer; for peer in $OWN $OTHER; do FROM[$peer]=$(line_count $peer); done; }
mark
"$FABRIC_COMM" "$NET" idle 180 > "$WORK/idle.out" 2>> "$WORK/fabric_comm.log" &
IDLE=$!
run dial
for peer in $OWN $OTHER; do report "1 $peer serves us" mentioned $peer "${FROM[$peer]}" "method=Ping .*CN=peer1.org1.*code=OK"; done
run probe
for peer in $OWN $OTHER; do report "3 $peer sees our probe" mentioned $peer "${FROM[$peer]}" "probed us"; done
run large
run dialled
for peer in $OWN $OTHER; do report "1 $peer is content" quiet $peer "${FROM[$peer]}"; done
wait $IDLE || FAILED=yes
cat "$WORK/idle.out"
for peer in $OWN $OTHER; do report "5 $peer is content" quiet $peer "${FROM[$peer]}"; done

# Its bootstrap peer is ours: it probes it, authenticates for real and asks for the membership.
"$FABRIC_COMM" "$NET" probed > "$WORK/probed.out" 2>> "$WORK/fabric_comm.log" &
PROBED=$!
launch $NEWCOMER run_peer $NEWCOMER peer1.org1.example.com
wait $PROBED || FAILED=yes
cat "$WORK/probed.out"
stop $NEWCOMER

run crossing "$ROUNDS"
mark
run refused "$WORK/foreign"
report "7 $OWN names the wrong binding" mentioned $OWN "${FROM[$OWN]}" "Authentication failed: Expected .* in remote hash of TLS cert"
report "7 $OTHER names the foreign identity" mentioned $OTHER "${FROM[$OTHER]}" "Identity store rejected"
