# Rolling upgrade (J 74): the orderer and each Fabric peer go over to the programs of $FABRIC_NEXT_BIN in turn, on the same
# data and under load; the nodes run on.

case_upgrade() {
  local nodes="peer2.org1 peer2.org2" name version next what
  what="rolling upgrade of the Fabric programs"
  [ -x "${FABRIC_NEXT_BIN:-}/peer" ] && [ -x "$FABRIC_NEXT_BIN/orderer" ] && [ -f "${FABRIC_NEXT_CFG:-}/core.yaml" ] ||
    { row 74 "$what" "not checked" "FABRIC_NEXT_BIN and FABRIC_NEXT_CFG name no later release"; return 0; }
  # After other cases a peer may be missing, or an organisation.
  [ "$CASES" = upgrade ] || fresh_network || return
  version=$(version_at "$ORDERER_OPS")
  next=$("$FABRIC_NEXT_BIN/peer" version 2> /dev/null | sed -n 's/^ *Version: //p')
  mark
  for name in $nodes; do start_node "$name"; note_identity "$name"; done
  report "74, 51" "$what: before it, $version" both load 50 -- same_chains 60 $nodes $PEERS
  for name in $nodes; do cat "$PIDS/$name"; done > "$WORK/processes"

  BIN=${FABRIC_NEXT_BIN%/}
  export FABRIC_BIN=$BIN FABRIC_CFG=$FABRIC_NEXT_CFG
  sample_config
  for name in orderer $PEERS; do
    report "74, 51" "$name: $version -> $next" upgraded "$name" "$next" $nodes $PEERS
  done
  # Peers of 2.4 would end at it.
  report "74, 51" "the channel takes the capability V2_5" both new_capability -- same_chains 60 $nodes $PEERS
  for name in $nodes; do
    report "74, 20" "discovery shows the height of $name" discovered_by_all "$name" "127.0.0.1:$(port_of "$name")" $PEERS
    report 74 "$name sees every Fabric peer" until_true 60 sees_alive "$name" $PEERS
  done
  report 74 "no node was restarted" same_processes $nodes
  report 74 "the Fabric peers' gossip logs are quiet" complaints
}

version_at() { http_get "$1" /version | sed -n 's/.*"Version":"\([^"]*\)".*/\1/p'; } # version_at HOST:PORT
# upgraded NAME VERSION MEMBER... : stopped and started as VERSION while transactions run; then load until its minute is over.
upgraded() {
  local name=$1 version=$2 endorser=peer0.org1 operations=$ORDERER_OPS loader=''
  shift 2
  [ "$name" != peer0.org1 ] || endorser=peer1.org1
  if [ "$name" != orderer ]; then
    operations=$(ops "$name")
    load 200 -rate 10 -peers "127.0.0.1:$(port_of $endorser)" &
    loader=$!
    pause 3
  fi
  disturb; stop_one "$name"
  pause 5
  restart "$name" || return 1
  [ -z "$loader" ] || wait "$loader" || return 1
  load 600 -rate 10 -peers "127.0.0.1:$(port_of $endorser)" || return 1
  [ "$(version_at "$operations")" = "$version" ] || { echo "$name is $(version_at "$operations")"; return 1; }
  same_chains 60 "$@"
}
new_capability() {
  update org1,org2 '.channel_group.groups.Application.values.Capabilities.value.capabilities = {"V2_5": {}}' && load 20
}
same_processes() {
  local name
  for name in "$@"; do alive "$name" || { echo "$name does not run"; return 1; }; cat "$PIDS/$name"; done | cmp - "$WORK/processes" &&
    echo "the processes of before the upgrade: $*"
}
