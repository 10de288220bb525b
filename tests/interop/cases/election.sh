# Two Grapevine nodes and two Go peers elect the leader of their organisation; the ordering service comes and goes (E, F).

case_election() {
  local nodes="peer2.org1 peer3.org1" name
  local four="peer0.org1 peer1.org1 $nodes"
  mark
  for name in $nodes; do start_node "$name"; note_identity "$name"; done
  report 33 "one leader among two Go peers and two nodes" until_true 40 one_leader $four
  report 33 "and all follow" both load 20 -- same_chains 30 $four
  kill_each_leader $four
  for name in $four; do alive "$name" || restart "$name"; done
  report 34 "all are back: one leader" both until_true 60 equal_chains $four -- settled $four
  for name in $nodes; do disturb; stop_one "$name"; done

  # shellcheck disable=SC2086
  set_up peer2.org1 $STANDBY
  start peer2.org1
  report 36 "a node that may not lead leaves the election alone" stands_by peer2.org1
  disturb; stop_one peer2.org1

  # shellcheck disable=SC2086
  set_up peer2.org1 $STATIC
  mark
  start peer2.org1
  report "37, 38" "a static leader pulls from the orderer" both until_true 30 pulls_from peer2.org1 "$ORDERER" -- orderer_content
  report 38 "the orderer is killed and comes back" orderer_restart peer2.org1
  disturb; stop_one peer2.org1
  report 35 "a leader that is cut off from the orderer yields to a Go peer" cut_off peer2.org1
}

settled() { # one leader, and the same after more than two rounds of declarations
  local leader
  until_true 40 one_leader "$@" || return 1
  leader=$(leaders "$@")
  pause 12
  one_leader "$@" || { echo "then $(leaders "$@")"; return 1; }
  echo "$(leaders "$@") leads, before it $leader"
}
kill_each_leader() { # until one is left
  local left=("$@") leader next took name rest
  while [ ${#left[@]} -gt 1 ]; do
    leader=$(leaders "${left[@]}")
    kill_hard "$leader"
    rest=()
    for name in "${left[@]}"; do [ "$name" = "$leader" ] || rest+=("$name"); done
    left=("${rest[@]}")
    report 34 "the leader $leader ($(kind "$leader")) is killed" takes_over "${left[@]}"
  done
}
takes_over() {
  local took
  took=$(until_true 30 one_leader "$@") || { echo "$took"; return 1; }
  echo "$(leaders "$@") ($(kind "$(leaders "$@")")) leads $took"
  load 10 && same_chains 40 "$@" && one_leader "$@"
}
stands_by() {
  until_true 40 one_leader peer0.org1 peer1.org1 || return 1
  load 10 && same_chains 30 "$1" peer0.org1 || return 1
  pause 15
  one_leader peer0.org1 peer1.org1 && ! leads "$1" && echo "$(leaders peer0.org1 peer1.org1) leads"
}
orderer_content() {
  not logged orderer "is not authorized|error parsing envelope" || { head -n 2 "$WORK/logged"; return 1; }
  echo "the orderer refuses nothing"
}
orderer_restart() {
  disturb; stop_one orderer -KILL
  until_true 15 not pulls_from "$1" "$ORDERER" || return 1
  start orderer || return 1
  echo "pulls again $(until_true 60 pulls_from "$1" "$ORDERER")"
  load 10 && same_chains 60 "$1" peer0.org1
}
# The Go peers of the organisation are stopped, so that the node leads, with an orderer that does not answer.
cut_off() {
  local took
  set_up "$1" CORE_PEER_DELIVERYCLIENT_RECONNECTTOTALTIMETHRESHOLD=1s
  sed "s|^\( *\)addressOverrides: *$|&\n\1  - {from: \"$ORDERER\", to: \"127.0.0.1:1\", caCertsFile: $ORD_CA}|" \
    "$FABRIC_CFG_PATH/core.yaml" > "$WORK/settings/$1.yaml"
  disturb; stop_one peer0.org1; stop_one peer1.org1
  mark
  start "$1"
  took=$(until_true 40 leads "$1") || { echo "the node does not lead: $took"; return 1; }
  echo "the node leads $took"
  took=$(until_true 60 not leads "$1") || { echo "does not yield: $took"; return 1; }
  echo "yields $took"
  restart peer0.org1
  took=$(until_true 60 leads peer0.org1) || { echo "peer0.org1 does not lead: $took"; return 1; }
  echo "peer0.org1 leads $took"
  load 10 && same_chains 40 "$1" peer0.org1
  took=$?
  restart peer1.org1
  return $took
}
