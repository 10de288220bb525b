# A node joins: each side sees the other, blocks come by gossip, the Go peers do not complain (A to D, F).

case_join() {
  local node=peer2.org1 port peers="$PEERS"
  port=$(port_of $node)
  set_up $node CORE_PEER_GOSSIP_EXTERNALENDPOINT="localhost:$port"
  mark
  start_node $node
  note_identity $node
  report "1-4, 10, 17, 18" "the Go peers take the node's connection, identity, alive messages and StateInfo" \
    all_logged 60 "peers went online.*:$port" $peers
  report "12, 13" "the node sees every Go peer alive and in the channel" until_true 60 sees_alive $node $peers
  report 15 "anchor peers of both organisations are contacted" until_true 30 logged $node "contact with 127.0.0.1:$(port_of peer0.org2) made"
  report "26, 51" "transactions: equal chains" both load 100 -- same_chains 30 $node $peers
  report 26 "the blocks came by gossip" by_gossip $node
  report "20, 21" "discovery shows the node's height, no chaincodes" discovered_by_all $node "localhost:$port" peer0.org1 peer0.org2
  if have_cc; then report 24 "discovery never names it as endorser" no_endorser "localhost:$port"; else row 24 "" "not checked" "no chaincode"; fi
  if [ -x "$BIN/labgateway" ]; then report 25 "a gateway that tries the node goes on to a Go peer" gateway_evaluates; else row 25 "" "not checked" "no labgateway"; fi
  report 27 "no message storm when idle" idle_rate peer0.org1
  report 7 "nobody lost, no complaint about pings in 60 quiet seconds" stays_for 60 $node
  report "1-4, 10-13, 18" "the Go peers' gossip logs are quiet" complaints
  gv $node channel leave -c $CHANNEL > /dev/null
  report 23 "a node that leaves the channel disappears from discovery" until_true 40 not_discovered peer0.org1 "localhost:$port"
  join $node
  report 23 "and is back when it joins again" both until_true 60 sees_alive $node $peers -- same_chains 30 $node $peers
  report 11 "own organisation sees the internal endpoint, the other one the external" endpoints_shown "$port"
}

# A Fabric peer's line has "EXTERNAL INTERNAL". One that the other organisation has passed on has the external alone.
endpoints_shown() { # endpoints_shown PORT
  local name both="localhost:$1 127.0.0.1:$1"
  for name in peer0.org1 peer1.org1; do until_true 30 logged "$name" "$both" > /dev/null || { echo "$name: no $both"; return 1; }; done
  logged peer0.org2 "went online.*localhost:$1" || { echo "peer0.org2: no localhost:$1"; return 1; }
  not logged peer0.org2 "$both" || { echo "peer0.org2 was told 127.0.0.1:$1"; return 1; }
  echo "'$both' in the logs of Org1, localhost:$1 alone in that of Org2"
}
no_endorser() {
  local text
  text=$(discover peer0.org1 endorsers --chaincode $CC)
  grep -q "127.0.0.1:$(port_of peer0.org1)" <<< "$text" || { echo "no endorsers at all: $text"; return 1; }
  not grep -q "$1" <<< "$text" && echo "peer0.org1 lists Go peers only"
}
# The gateway of the other organisation's peer may choose any peer of Org1 for a query of a system chaincode.
gateway_evaluates() {
  local text tries
  text=$("$BIN/labgateway" -peer "127.0.0.1:$(port_of peer0.org2)" -ca "$ORG2_CA" -user "$(user_dir User1 org2)" -mspid Org2MSP -orgs Org1MSP -n 30 2>&1) ||
    { echo "$text"; return 1; }
  tries=$(log_of peer0.org2 | grep -c "Closing connection to remote endorser.*localhost:$port")
  echo "$text; the gateway connected to the node, was refused and closed the connection $tries times"
  [ "$tries" -gt 0 ]
}
by_gossip() {
  local info
  info=$(gv "$1" channel getinfo -c $CHANNEL --json)
  jq -e '.leader == false and (.delivery | not)' <<< "$info" > /dev/null || { echo "the node asked the orderer: $info"; return 1; }
  echo "not leader, no orderer asked, $(total "$(ops "$1")" gossip_statetransfer_blocks_received) blocks by state transfer"
}
idle_rate() {
  local before after
  before=$(total "$(ops "$1")" gossip_comm_messages_sent)
  pause 10
  after=$(total "$(ops "$1")" gossip_comm_messages_sent)
  echo "$1 sends $(((after - before) / 10)) messages a second"
  [ $(((after - before) / 10)) -lt 40 ]
}
stays_for() { # stays_for SECONDS NODE
  pause "$1"
  if logged "$2" "dead|unreachable|too_many_pings|GOAWAY|ENHANCE"; then head -n 3 "$WORK/logged"; return 1; fi
  sees_alive "$2" $PEERS && echo "all alive after $1 s"
}
