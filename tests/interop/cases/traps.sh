# Traps of configurations in use (K): the Go peers are started again with them, and without them at the end.

case_traps() {
  local node=peer2.org1 name
  local none="CORE_PEER_DELIVERYCLIENT_BLOCKGOSSIPENABLED=false CORE_PEER_GOSSIP_STATE_ENABLED=false"
  # shellcheck disable=SC2086
  {
    set_up peer0.org1 $STATIC $none
    set_up peer1.org1 $STATIC $none CORE_PEER_GOSSIP_EXTERNALENDPOINT=
    set_up peer0.org2 $STATIC $none
  }
  restart_peers
  # shellcheck disable=SC2086
  set_up $node $STANDBY
  mark
  start_node $node
  note_identity $node
  report "K, 32" "Go peers neither gossip blocks nor ask for state: the node follows by state transfer" both load 60 -- same_chains 60 $node $PEERS
  report K "a Go peer without external endpoint: seen within its organisation" until_true 30 sees_alive $node peer1.org1
  disturb; stop_one $node
  # shellcheck disable=SC2086
  set_up $node $STATIC
  mark
  start $node
  report K "orgLeader everywhere: the node pulls for itself" both until_true 30 pulls_from $node "$ORDERER" -- same_chains 30 $node $PEERS
  report K "and nothing is told about an election" no_election $node
  rm "$WORK"/settings/*
  restart_peers
  wait_view
}

restart_peers() {
  local name
  disturb
  for name in $PEERS; do stop_one "$name"; done
  for name in $PEERS; do start "$name"; done
  disturb
}

no_election() { # in the Go peers' logs and in what the node sends
  local name sent
  for name in $PEERS; do
    not logged "$name" "gossip.election" || { head -n 2 "$WORK/logged"; return 1; }
  done
  sent=$(http_get "$(ops "$1")" /metrics | sed -n 's/^gossip_comm_bytes_sent{type="leadership_msg"} //p')
  echo "no line of gossip.election in the Go peers' logs, $sent bytes of leadership messages sent by the node"
  [ "${sent:-0}" = 0 ]
}
