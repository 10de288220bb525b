# Load for $SOAK minutes, every process killed and started in turn (J 73): equal chains, no complaint outside the minute
# after each restart, no growth of the node.

case_soak() {
  local nodes="peer2.org1 peer3.org1" name
  mark
  for name in $nodes; do start_node "$name"; note_identity "$name"; done
  until_true 60 equal_chains $nodes $PEERS > /dev/null
  report 73 "load and restarts for $SOAK minutes" soak $nodes $PEERS orderer
  report "73, 51" "equal chains" same_chains 120 $nodes $PEERS
  report 73 "the Go peers' gossip logs are quiet" complaints
}

# A process a turn: 20 s without it, then 70 s of load, of which the last ten count for the quiet logs.
soak() {
  local end=$((SECONDS + SOAK * 60)) turn=0 names=("$@") name transactions=0 restarts=0 resident
  while [ $SECONDS -lt $end ]; do
    name=${names[turn++ % ${#names[@]}]}
    kill_hard "$name"
    pause 20
    restart "$name" || return 1
    restarts=$((restarts + 1))
    wait_port "127.0.0.1:$(port_of peer0.org2)" 30
    load 700 -rate 10 && transactions=$((transactions + 700))
    equal_chains "$@" > /dev/null 2>&1 || true
  done
  for name in peer2.org1 peer3.org1; do
    resident+=" $(awk '/VmRSS/ {print $2}' "/proc/$(cut -d' ' -f1 "$PIDS/$name")/status") kB"
  done
  echo "$restarts restarts, $transactions transactions, resident:$resident"
}
