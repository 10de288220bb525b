#!/usr/bin/env bash
# What many channels cost: two nodes of one organisation, as operators run them, in N channels (default 100). Prints the
# memory of one, and its CPU time per second over SECONDS (default 30) of idling, beside the same node in one channel.
#   bench/channels_bench.sh GRAPEVINE [N [SECONDS]]
set -euo pipefail
grapevine=$1 channels=${2:-100} seconds=${3:-30}
work=$(mktemp -d)
nodes=()
finish() {
  [ ${#nodes[@]} -eq 0 ] || kill "${nodes[@]}" 2> /dev/null || true
  wait
  rm -rf "$work"
}
trap finish EXIT

# Equal seeds make equal identities, so that one peer is a member of all these networks.
for ((i = 1; i <= channels; ++i)); do
  "$grapevine" testnet --out "$work/net$i" --orgs 1 --peers 2 --blocks 1 --channel "channel$i" --seed 1 > /dev/null
done

# start_node NUMBER BOOTSTRAP: waits until it takes part; its address is in ${address[NUMBER]}.
declare -A address
start_node() {
  local folder=$work/node$1 files=$work/net1/crypto/peerOrganizations/org1.example.com/peers/peer$1.org1.example.com
  mkdir "$folder"
  cat > "$folder/core.yaml" <<YAML
peer:
  id: peer$1
  listenAddress: 127.0.0.1:0
  address: 127.0.0.1:0
  localMspId: Org1MSP
  mspConfigPath: $files/msp
  fileSystemPath: $folder/data
  gossip: {bootstrap: "$2", sendBuffSize: 200, state: {enabled: true}}
  tls:
    enabled: true
    cert: {file: $files/tls/server.crt}
    key: {file: $files/tls/server.key}
    rootcert: {file: $files/tls/ca.crt}
YAML
  mkfifo "$folder/ready"
  FABRIC_LOGGING_SPEC=error "$grapevine" node start --config "$folder/core.yaml" --ready-fd 3 \
    3> "$folder/ready" > "$folder/out" 2> "$folder/log" &
  nodes+=($!)
  read -r _ < "$folder/ready" || { cat "$folder/log" >&2; exit 1; }
  address[$1]=$(sed -n 's/.* at \([^,]*\),.*/\1/p' "$folder/out")
}
join() { for node in 0 1; do "$grapevine" channel join --config "$work/node$node/core.yaml" -b "$work/net$1/channel$1.block" > /dev/null; done; }
ticks() { awk '{print $14 + $15}' "/proc/$1/stat"; }
# Until both nodes see each other in every channel joined so far, then idles.
measure() { # measure CHANNELS
  until [ "$("$grapevine" peers --config "$work/node0/core.yaml" --json | jq '[.peers[] | select(.self | not) | .channels[]] | length')" = "$1" ]; do
    read -r -t 1 _ <> <(:) || true
  done
  local before
  before=$(ticks "${nodes[0]}")
  read -r -t "$seconds" _ <> <(:) || true
  awk -v ticks=$(($(ticks "${nodes[0]}") - before)) -v hz="$(getconf CLK_TCK)" -v seconds="$seconds" -v channels="$1" \
    '/VmRSS/ {printf "%d channels: %.1f MiB resident, %.1f ms CPU per second\n", channels, $2 / 1024, 1000 * ticks / hz / seconds}' \
    "/proc/${nodes[0]}/status"
}

start_node 0 ''
start_node 1 "${address[0]}"
join 1
measure 1
for ((i = 2; i <= channels; ++i)); do join "$i"; done
measure "$channels"
