#!/bin/bash
# fabric_gossip.sh GRAPEVINE FABRIC_GOSSIP [IDLE]: Fabric's own peers judge a complete Grapevine node (specification 10, 11).
#
# Needs FABRIC_BIN and FABRIC_CFG (fabric.sh says what they are); without them: exit 77. Listens from port
# ${PORTS:-18450} on, takes about IDLE (180) and 180 s, and keeps everything in a temporary folder, which stays on failure.
#
# Two organisations with two Fabric peers each, which ask the ordering service and gossip the blocks, and one Grapevine
# node, peer2.org1, that has nothing but gossip. Prints item | pass or fail | evidence. Exit status 1: an item failed.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 1; }
GRAPEVINE=$(realpath "$1") FABRIC_GOSSIP=$(realpath "$2") IDLE=${3:-180}
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
[ -x "$FABRIC_BIN/discover" ] || { echo "skipped: no discover in FABRIC_BIN"; exit 77; }

export CORE_PEER_DELIVERYCLIENT_BLOCKGOSSIPENABLED=true
PORTS=${PORTS:-18450} NODE=peer2.org1 PEERS="peer0.org1 peer1.org1 peer0.org2 peer1.org2" OWN="peer0.org1 peer1.org1"
ONLINE="peers went online" OFFLINE="peers went offline"

report() { # report ITEM COMMAND... : passes when the command, which prints evidence, does
  local item=$1 evidence verdict=pass
  shift
  evidence=$("$@" 2>&1) || { verdict=fail FAILED=yes; }
  echo "$item | $verdict | ${evidence//$'\n'/ }"
}
log_of() { if [ "$1" = $NODE ]; then echo "$WORK/$NODE.log"; else echo "$WORK/$1.example.com.log"; fi; }
declare -A FROM
# From here on `seen` looks at the logs.
mark() { local name; for name in $PEERS $NODE; do FROM[$name]=$(($(wc -l < "$(log_of "$name")") + 1)); done; }
lines_of() { tail -n +"${FROM[$1]}" "$(log_of "$1")" | sed 's/\x1b\[[0-9;]*m//g'; }
seen() { # seen NAME PATTERN SECONDS: prints how long it took
  local start=$SECONDS
  timeout "$3" grep -q -m1 -E -- "$2" <(exec tail -n +"${FROM[$1]}" -F --pid=$$ "$(log_of "$1")" 2>/dev/null) ||
    { echo "$1: no '$2' within $3 s"; return 1; }
  echo "$1 after $((SECONDS - start)) s;"
}
all_seen() { # all_seen SECONDS PATTERN NAME... : the pattern may contain NAME, which stands for each
  local limit=$1 pattern=$2 name
  shift 2
  for name in "$@"; do seen "$name" "$pattern" "$limit" || return 1; done
}
node_seen() { # node_seen SECONDS WORD NAME... : a line "WORD NAME" of the node for each
  local limit=$1 word=$2 name start=$SECONDS
  shift 2
  for name in "$@"; do seen $NODE "^$word $name" "$limit" > /dev/null || { echo "no '$word $name'"; return 1; }; done
  echo "$word $* within $((SECONDS - start)) s"
}
endpoint() { echo "127.0.0.1:$(port_of $NODE.example.com)"; }
run_node() { exec "$FABRIC_GOSSIP" "$NET" $NODE "$WORK/$NODE"; }
kill_hard() { kill -KILL "$(cat "$WORK/pids/$1")"; rm "$WORK/pids/$1"; }
# The command line's service discovery shows the node with this height.
discovered() { # discovered HEIGHT PEER...
  local height=$1 peer domain user end=$((SECONDS + 30))
  shift
  for peer in "$@"; do
    domain=${peer#*.}.example.com
    user=$CRYPTO/peerOrganizations/$domain/users/Admin@$domain
    until FABRIC_LOGGING_SPEC=error "$FABRIC_BIN/discover" --peerTLSCA "$(tls_ca "$domain")" \
      --userKey "$(ls "$user"/msp/keystore/*)" --userCert "$(ls "$user"/msp/signcerts/*)" --tlsCert "$user/tls/client.crt" \
      --tlsKey "$user/tls/client.key" --MSP "$(msp_of "$peer.example.com")" peers --channel mychannel \
      --server "127.0.0.1:$(port_of "$peer.example.com")" 2>&1 | tr -d ' \t\n' | tr '}' '\n' |
      grep "\"Endpoint\":\"$(endpoint)\"" | grep -q "\"LedgerHeight\":$height,"; do
      [ $SECONDS -lt $end ] || { echo "$peer does not show $(endpoint) at height $height"; return 1; }
    done
    echo "$peer shows $(endpoint) at height $height;"
  done
}
put_log_aside() { mv "$(log_of "$1")" "$(log_of "$1").first"; : > "$(log_of "$1")"; }  # before it is launched again
# The node's chain is that of a peer: heights and header hashes of the newest blocks are equal.
same_chain() { # same_chain BLOCKS SECONDS
  local info height hash
  seen $NODE "^ledger $(($1 + 1)) " "$2" || return 1
  info=$(as_admin peer0.org1.example.com channel getinfo -c mychannel)
  height=$(sed -n 's/.*"height":\([0-9]*\).*/\1/p' <<< "$info")
  hash=$(sed -n 's/.*"currentBlockHash":"\([^"]*\)".*/\1/p' <<< "$info" | base64 -d | od -An -v -tx1 | tr -d ' \n')
  grep -q "^ledger $height $hash\$" "$(log_of $NODE)" || { echo "$info, but we: $(grep '^ledger' "$(log_of $NODE)" | tail -n 1)"; return 1; }
  echo "height $height, hash $hash as peer0.org1"
}
complaints() { # of the peers' gossip since the mark, without the notices that a peer died
  local name count=0
  for name in $PEERS; do
    lines_of "$name" | grep -E "(WARN|ERRO).*\[gossip" > "$WORK/complaints" || true
    count=$((count + $(wc -l < "$WORK/complaints")))
    sed -E "s/^[^[]*/$name: /" "$WORK/complaints" | cut -c1-200 | sort | uniq -c
  done
  echo "$count complaints of the peers' gossip"
  [ "$count" = 0 ]
}
counted() { grep "^count" "$(log_of $NODE)" | sort -u -k2,2 | tr '\n' ';' || true; }

make_network "$GRAPEVINE" --peers 4 --updates 20 --base-port "$PORTS" > /dev/null
launch orderer run_orderer "$WORK/orderer"
await "$WORK/orderer.log" "Beginning to serve requests" 60
join_orderer
await "$WORK/orderer.log" "Raft leader changed: 0 -> 1" 60
for peer in $PEERS; do
  launch $peer.example.com run_peer $peer.example.com peer0.${peer#*.}.example.com
  await "$(log_of $peer)" "Started peer with ID" 60
  join_peer $peer.example.com
done
for peer in $PEERS; do await "$(log_of $peer)" "$ONLINE" 60; done

: > "$(log_of $NODE)"
mark
launch $NODE run_node
report "1 we see all peers alive" node_seen 30 alive $PEERS
report "1 we see all peers in the channel" node_seen 30 member $PEERS
report "2 all peers see us in the channel" all_seen 30 "$ONLINE.*$(endpoint)" $PEERS

for number in 1 2 3; do submit_update $number; done
report "3 blocks come" same_chain 3 30
report "3 pushed by peers of our organisation" node_seen 10 "first data_msg" $OWN
for peer in $PEERS; do report "1 we see its new height" seen $NODE "^member $peer 4\$" 30; done
report "2 discovery by a peer of each organisation shows our height" discovered 4 peer0.org1 peer0.org2

mark
timeout "$IDLE" tail -f /dev/null || true
report "4 no complaints in $IDLE s" complaints
report "4 nobody is lost in $IDLE s" bash -c "! tail -n +${FROM[$NODE]} '$(log_of $NODE)' | grep -E '^(gone|left) '"

mark
kill_hard $NODE
report "5 peers notice that we died" all_seen 60 "$OFFLINE.*$(endpoint)" $PEERS
for number in 4 5 6; do submit_update $number; done
put_log_aside $NODE
mark
launch $NODE run_node
report "5 peers see us again after the restart" all_seen 60 "$ONLINE.*$(endpoint)" $PEERS
report "3 blocks made meanwhile come" same_chain 6 30
report "3 they are pulled" all_seen 5 "block [456] accepted, pulled from" $NODE

mark
kill_hard peer1.org1.example.com
report "5 we see a peer die" node_seen 60 gone peer1.org1
put_log_aside peer1.org1
mark
launch peer1.org1.example.com run_peer peer1.org1.example.com peer0.org1.example.com
report "5 we see it alive again" node_seen 60 alive peer1.org1
report "5 in the channel too" node_seen 30 member peer1.org1
submit_update 7
report "3 and the chain goes on" same_chain 7 30
echo "our refusals: $(counted)"
