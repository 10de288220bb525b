# State transfer both ways, and a slow node that slows nobody (A 8, G, J 70).

case_transfer() {
  local blocks=${BLOCKS:-300} late=peer2.org1 lonely=peer3.org1 fabric=peer4.org1 patience
  patience=$((180 + blocks / 4))
  # The usual default of a peer: it answers requests, and sends none.
  set_up peer0.org2 CORE_PEER_GOSSIP_STATE_ENABLED=false
  disturb; stop_one peer0.org2; start peer0.org2
  report 42 "a chain of $blocks blocks with a value of 1 kB, 8 blocks of 2 MB and 8 of 8 MB" long_chain "$blocks"
  mark
  # shellcheck disable=SC2086
  set_up $late $STANDBY
  start_node $late
  note_identity $late
  report "42, 8" "joins late, $blocks blocks and some of 2 and 8 MB behind, never asks the orderer" same_chains $patience $late peer0.org1
  report 42 "by requests for state" requested_state $late
  report "42, 3" "the Go peers' gossip logs are quiet" both complaints -- no_failed_requests

  disturb; stop_one peer0.org1; stop_one peer1.org1; stop_one $late
  # shellcheck disable=SC2086
  set_up $lonely $STANDBY
  start_node $lonely
  report 43 "joins late, only a peer of the other organisation is up, with state.enabled = false" same_chains $patience $lonely peer0.org2

  start $late
  until_true 60 equal_chains $late $lonely > /dev/null
  disturb; stop_one peer0.org2; stop_one $lonely
  # shellcheck disable=SC2086
  set_up $fabric $STANDBY CORE_PEER_GOSSIP_BOOTSTRAP="127.0.0.1:$(port_of $late)" FABRIC_LOGGING_SPEC=gossip.state=debug:info
  mark
  start $fabric && join $fabric
  report "44, 50, 51, 49" "a Go peer without orderer catches up from the node alone, blocks of 8 MB among them" same_chains $((patience + 120)) $fabric $late
  report 44 "by requests to the node" all_logged 5 "State transfer, with peer.*127.0.0.1:$(port_of $late)" $fabric
  report 50 "and commits its blocks" quiet_commits $fabric
  disturb; stop_one $fabric; rm -rf "${DATA:?}/$fabric"

  rm "$WORK/settings/peer0.org2"
  for name in $PEERS; do start "$name"; done
  wait_view
  until_true 90 sees_alive $late $PEERS > /dev/null
  same_chains 60 $late $PEERS > /dev/null
  report 70 "a stopped node (SIGSTOP) does not slow the Go peers, and catches up" slow_node $late
}

long_chain() { # long_chain BLOCKS
  local before small large
  cut_blocks 1 || return 1
  before=$(height_of peer0.org1)
  load "$1" -size 1000 -limit 30m || return 1
  have_cc || { echo "height $(height_of peer0.org1); without chaincode configuration blocks only, a tenth of them"; return 0; }
  small=$(size_of_newest_block)
  # A transaction has its value twice: in the proposal and in the result.
  load 8 -size 1000000 || return 1
  load 8 -size 3900000 -c 2 || return 1
  large=$(size_of_newest_block)
  cut_blocks 10 || return 1
  until_true 60 equal_chains $PEERS > /dev/null || return 1
  echo "height $(height_of peer0.org1), before $before; a small block has $small bytes, a large one $large"
  [ $(($(height_of peer0.org1) - before)) -ge $(($1 + 16)) ] && [ "$large" -gt 7500000 ]
}
size_of_newest_block() { newest_block && stat -c %s "$WORK/newest.block"; }
requested_state() {
  local blocks
  blocks=$(total "$(ops "$1")" gossip_statetransfer_blocks_received)
  echo "$(total "$(ops "$1")" gossip_statetransfer_requests) requests, $blocks blocks"
  [ "$blocks" -gt 0 ]
}
no_failed_requests() { local name; for name in peer0.org1 peer1.org1 peer0.org2; do not logged "$name" "State request validation failed|Got unauthorized" || { cat "$WORK/logged"; return 1; }; done; }
# A Fabric peer without complaint about blocks. That it misses private data of its organisation is right: nobody was there
# to ask.
quiet_commits() {
  not logged "$1" "(WARN|ERRO).*gossip.state|Failed verifying|fabricated|ERRO.*(committer|kvledger)" || { head -n 3 "$WORK/logged"; return 1; }
  echo "$(log_of "$1" | grep -c 'kvledger.*Committed block') blocks committed"
}
# 10 s of blocks, and more of them than buffers of sockets hold.
slow_node() {
  local pid took start overflow before
  sees_alive "$1" $PEERS || return 1
  read -r pid _ < "$PIDS/$1"
  before=$(total "$(ops peer0.org1)" gossip_comm_overflow_count)
  start=$SECONDS
  load 600 -rate 60 -size 20000 || return 1
  took=$((SECONDS - start))
  disturb
  kill -STOP "$pid"
  start=$SECONDS
  load 600 -rate 60 -size 20000 || { kill -CONT "$pid"; return 1; }
  echo "600 transactions of 40 kB in $((SECONDS - start)) s, before in $took s"
  kill -CONT "$pid"
  overflow=$(($(total "$(ops peer0.org1)" gossip_comm_overflow_count) - before))
  same_chains 60 "$1" $PEERS || return 1
  echo "$overflow messages dropped by peer0.org1"
}
