# Sourced by the tests of whole processes: a network made by `grapevine testnet`, its recorded chain served by
# `grapevine replay-orderer`, and the configuration of a peer that pulls it. Everything is below $work, which the
# sourcing script has made; everything listens on 127.0.0.1 at ports that the system chose.

# make_network GRAPEVINE BLOCKS [testnet options]
make_network() {
  local grapevine=$1 blocks=$2
  shift 2
  "$grapevine" testnet --out "$work/net" --orgs 1 --peers 1 --blocks "$blocks" "$@" > "$work/testnet.log"
  orderer_folder=$work/net/crypto/ordererOrganizations/example.com/orderers/orderer.example.com
  peer_folder=$work/net/crypto/peerOrganizations/org1.example.com/peers/peer0.org1.example.com
  genesis=$work/net/mychannel.block
}

# start_orderer GRAPEVINE [replay-orderer options]: sets orderer_pid and orderer_address.
start_orderer() {
  local grapevine=$1 line
  shift
  mkfifo "$work/orderer.out"
  "$grapevine" replay-orderer --blocks "$work/net/chain" --genesis "$genesis" --listen 127.0.0.1:0 \
    --tls-cert "$orderer_folder/tls/server.crt" --tls-key "$orderer_folder/tls/server.key" "$@" \
    > "$work/orderer.out" 2> "$work/orderer.err" &
  orderer_pid=$!
  read -r line < "$work/orderer.out" || { cat "$work/orderer.err" >&2; exit 1; }
  orderer_address=$(sed -n 's/.* on \([0-9.]*:[0-9]*\),.*/\1/p' <<< "$line")
}

# write_core_yaml FILE DATA_FOLDER: a static leader.
write_core_yaml() {
  cat > "$1" <<YAML
peer:
  id: peer0.org1
  listenAddress: 127.0.0.1:0
  address: 127.0.0.1:0
  localMspId: Org1MSP
  mspConfigPath: $peer_folder/msp
  fileSystemPath: $2
  gossip:
    orgLeader: true
  tls:
    enabled: true
    cert: {file: $peer_folder/tls/server.crt}
    key: {file: $peer_folder/tls/server.key}
    rootcert: {file: $peer_folder/tls/ca.crt}
  deliveryclient:
    addressOverrides:
      - from: $(sed -n 's/^orderer[^ ]* OrdererMSP //p' "$work/net/endpoints.txt")
        to: $orderer_address
        caCertsFile: $orderer_folder/tls/ca.crt
YAML
}
