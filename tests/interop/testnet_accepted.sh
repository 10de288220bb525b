#!/bin/bash
# testnet_accepted.sh GRAPEVINE: what `grapevine testnet` makes is accepted by Fabric's own programs.
#
# FABRIC_BIN: folder with Fabric's peer, orderer, osnadmin, configtxlator, ledgerutil (2.4 or 2.5).
# FABRIC_CFG: folder with its core.yaml and orderer.yaml. A release tarball of Fabric has both. Without them: exit 77.
# Everything listens on 127.0.0.1, from port ${PORTS:-17450} on, and is kept in a temporary folder, which stays on failure.
#
# 1. configtxlator decodes the genesis block.
# 2. An orderer with a testnet MSP and TLS certificate joins the channel with it (osnadmin) and becomes raft leader.
# 3. Peers of two organisations start with testnet MSPs, join with it, and see each other over gossip.
# 4. An orderer that finds a testnet chain in its ledger delivers it, and the peers accept every block: endorser
#    transactions and configuration updates.
# 5. ledgerutil finds no fault in the ledger of a peer.
set -euo pipefail
GRAPEVINE=${1:?usage: testnet_accepted.sh GRAPEVINE}
for program in peer orderer osnadmin configtxlator ledgerutil; do
  [ -x "${FABRIC_BIN:-}/$program" ] || { echo "skipped: no $program in FABRIC_BIN (${FABRIC_BIN:-unset})"; exit 77; }
done
[ -f "${FABRIC_CFG:-}/core.yaml" ] && [ -f "$FABRIC_CFG/orderer.yaml" ] ||
  { echo "skipped: FABRIC_CFG (${FABRIC_CFG:-unset}) has no core.yaml and orderer.yaml"; exit 77; }

PORTS=${PORTS:-17450} BLOCKS=20 CONFIG_EVERY=5
LAST=$((BLOCKS + BLOCKS / CONFIG_EVERY))
WORK=$(mktemp -d); NET=$WORK/net; CRYPTO=$NET/crypto; PIDS=()
export FABRIC_CFG_PATH=$WORK/config FABRIC_LOGGING_SPEC=info

stop_all() { for pid in "${PIDS[@]}"; do kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; done; PIDS=(); }
finish() {
  status=$?; stop_all
  if [ $status = 0 ]; then rm -rf "$WORK"; else echo "FAILED; logs are in $WORK" >&2; fi
}
trap finish EXIT
say() { echo "ok: $*"; }
# await LOG PATTERN SECONDS: until a line of the log matches. The tail ends with this script.
await() {
  timeout "$3" grep -q -m1 -E -- "$2" <(exec tail -n +1 -F --pid=$$ "$1" 2>/dev/null) ||
    { echo "no '$2' in $1 within $3 s:" >&2; tail -n 5 "$1" >&2; return 1; }
}
launch() { # launch NAME COMMAND...
  local name=$1; shift
  "$@" > "$WORK/$name.log" 2>&1 < /dev/null &
  PIDS+=($!)
}
port_of() { awk -v name="$1" '$1 == name {sub(/.*:/, "", $3); print $3}' "$NET/endpoints.txt"; }
tls_ca() { echo "$CRYPTO/peerOrganizations/$1/tlsca/tlsca.$1-cert.pem"; }

ORDERER_FOLDER=$CRYPTO/ordererOrganizations/example.com/orderers/orderer.example.com
ORDERER_CA=$CRYPTO/ordererOrganizations/example.com/tlsca/tlsca.example.com-cert.pem
start_orderer() { # start_orderer LEDGER: only by launch, for exec replaces the background shell
  tls=$ORDERER_FOLDER/tls port=$(port_of orderer.example.com)
  export ORDERER_GENERAL_LISTENADDRESS=127.0.0.1 ORDERER_GENERAL_LISTENPORT=$port ORDERER_GENERAL_BOOTSTRAPMETHOD=none \
    ORDERER_GENERAL_LOCALMSPID=OrdererMSP ORDERER_GENERAL_LOCALMSPDIR=$ORDERER_FOLDER/msp ORDERER_GENERAL_TLS_ENABLED=true \
    ORDERER_GENERAL_TLS_PRIVATEKEY=$tls/server.key ORDERER_GENERAL_TLS_CERTIFICATE=$tls/server.crt \
    ORDERER_GENERAL_TLS_ROOTCAS=[$tls/ca.crt] ORDERER_GENERAL_TLS_CLIENTAUTHREQUIRED=true \
    ORDERER_GENERAL_TLS_CLIENTROOTCAS=[$ORDERER_CA,$(tls_ca org1.example.com),$(tls_ca org2.example.com)] \
    ORDERER_GENERAL_CLUSTER_CLIENTCERTIFICATE=$tls/server.crt ORDERER_GENERAL_CLUSTER_CLIENTPRIVATEKEY=$tls/server.key \
    ORDERER_GENERAL_CLUSTER_ROOTCAS=[$tls/ca.crt] ORDERER_CHANNELPARTICIPATION_ENABLED=true \
    ORDERER_ADMIN_LISTENADDRESS=127.0.0.1:$((port + 1)) ORDERER_ADMIN_TLS_ENABLED=true \
    ORDERER_ADMIN_TLS_CERTIFICATE=$tls/server.crt ORDERER_ADMIN_TLS_PRIVATEKEY=$tls/server.key \
    ORDERER_ADMIN_TLS_ROOTCAS=[$tls/ca.crt] ORDERER_ADMIN_TLS_CLIENTROOTCAS=[$tls/ca.crt] \
    ORDERER_ADMIN_TLS_CLIENTAUTHREQUIRED=true ORDERER_OPERATIONS_LISTENADDRESS=127.0.0.1:$((port + 2)) \
    ORDERER_FILELEDGER_LOCATION=$1 ORDERER_CONSENSUS_WALDIR=$1/etcdraft/wal ORDERER_CONSENSUS_SNAPDIR=$1/etcdraft/snapshot
  exec "$FABRIC_BIN/orderer"
}
start_peer() { # start_peer NAME MSP_ID: only by launch
  folder=$CRYPTO/peerOrganizations/${1#*.}/peers/$1 port=$(port_of "$1")
  export CORE_PEER_ID=$1 CORE_PEER_LOCALMSPID=$2 CORE_PEER_MSPCONFIGPATH=$folder/msp CORE_PEER_FILESYSTEMPATH=$WORK/$1 \
    CORE_LEDGER_SNAPSHOTS_ROOTDIR=$WORK/$1/snapshots CORE_PEER_LISTENADDRESS=127.0.0.1:$port CORE_PEER_ADDRESS=127.0.0.1:$port \
    CORE_PEER_CHAINCODELISTENADDRESS=127.0.0.1:$((port + 1)) CORE_OPERATIONS_LISTENADDRESS=127.0.0.1:$((port + 2)) \
    CORE_PEER_TLS_ENABLED=true CORE_PEER_TLS_CERT_FILE=$folder/tls/server.crt CORE_PEER_TLS_KEY_FILE=$folder/tls/server.key \
    CORE_PEER_TLS_ROOTCERT_FILE=$WORK/tls-cas.pem CORE_PEER_TLS_CLIENTAUTHREQUIRED=true \
    CORE_PEER_TLS_CLIENTROOTCAS_FILES="$(tls_ca org1.example.com) $(tls_ca org2.example.com)" \
    CORE_PEER_TLS_CLIENTCERT_FILE=$folder/tls/server.crt CORE_PEER_TLS_CLIENTKEY_FILE=$folder/tls/server.key \
    CORE_PEER_GOSSIP_BOOTSTRAP=127.0.0.1:$port CORE_PEER_GOSSIP_EXTERNALENDPOINT=127.0.0.1:$port \
    CORE_PEER_GOSSIP_USELEADERELECTION=false CORE_PEER_GOSSIP_ORGLEADER=true CORE_PEER_GOSSIP_RECONNECTINTERVAL=3s
  exec "$FABRIC_BIN/peer" node start
}
as_admin() ( # as_admin PEER MSP_ID ARGUMENTS...
  domain=${1#*.}; user=$CRYPTO/peerOrganizations/$domain/users/Admin@$domain
  export FABRIC_LOGGING_SPEC=warn CORE_PEER_LOCALMSPID=$2 CORE_PEER_MSPCONFIGPATH=$user/msp CORE_PEER_TLS_ENABLED=true \
    CORE_PEER_ADDRESS=127.0.0.1:$(port_of "$1") CORE_PEER_TLS_ROOTCERT_FILE=$(tls_ca "$domain") CORE_PEER_TLS_CLIENTAUTHREQUIRED=true \
    CORE_PEER_TLS_CLIENTCERT_FILE=$user/tls/client.crt CORE_PEER_TLS_CLIENTKEY_FILE=$user/tls/client.key
  shift 2; exec "$FABRIC_BIN/peer" "$@"
)

"$GRAPEVINE" testnet --out "$NET" --blocks $BLOCKS --config-every $CONFIG_EVERY --base-port "$PORTS"
mkdir "$FABRIC_CFG_PATH"
cp "$FABRIC_CFG/orderer.yaml" "$FABRIC_CFG_PATH"
sed 's#^\( *endpoint:\) unix:///var/run/docker.sock#\1#' "$FABRIC_CFG/core.yaml" > "$FABRIC_CFG_PATH/core.yaml"
cat "$(tls_ca org1.example.com)" "$(tls_ca org2.example.com)" > "$WORK/tls-cas.pem"

"$FABRIC_BIN/configtxlator" proto_decode --type common.Block --input "$NET/mychannel.block" > "$WORK/genesis.json"
grep -q '"type": "etcdraft"' "$WORK/genesis.json"
say "configtxlator decodes the genesis block"

launch orderer-1 start_orderer "$WORK/orderer-1"
await "$WORK/orderer-1.log" "Beginning to serve requests" 60
"$FABRIC_BIN/osnadmin" channel join -o 127.0.0.1:$((PORTS + 1)) --ca-file "$ORDERER_CA" -c mychannel -b "$NET/mychannel.block" \
  --client-cert "$ORDERER_FOLDER/tls/server.crt" --client-key "$ORDERER_FOLDER/tls/server.key" > "$WORK/osnadmin.log" 2>&1
grep -q "Status: 201" "$WORK/osnadmin.log"
await "$WORK/orderer-1.log" "Raft leader changed: 0 -> 1" 60
say "an orderer joins the channel and leads it"

for peer in "peer0.org1.example.com Org1MSP" "peer0.org2.example.com Org2MSP"; do
  set -- $peer
  launch "$1" start_peer "$1" "$2"
  await "$WORK/$1.log" "Started peer with ID" 60
  as_admin "$1" "$2" channel join -b "$NET/mychannel.block" > "$WORK/join-$1.log" 2>&1
done
for peer in peer0.org1.example.com peer0.org2.example.com; do
  await "$WORK/$peer.log" "Membership view has changed. peers went online" 90
done
say "two peers join the channel and see each other"

kill "${PIDS[0]}"; wait "${PIDS[0]}" || true
# The raft log stays: an orderer without one would wait for others to join it.
cp -r "$WORK/orderer-1" "$WORK/orderer-2"
rm -r "$WORK/orderer-2/chains/mychannel" "$WORK/orderer-2/index"
mkdir "$WORK/orderer-2/chains/mychannel"
cp "$NET"/chain/blockfile_* "$WORK/orderer-2/chains/mychannel/"
launch orderer-2 start_orderer "$WORK/orderer-2"
await "$WORK/orderer-2.log" "Raft leader changed: 0 -> 1" 60
say "an orderer starts on a testnet chain"
for peer in peer0.org1.example.com peer0.org2.example.com; do
  await "$WORK/$peer.log" "Committed block \[$LAST\]" 120
  ! grep -E "Failed verifying|is not valid|Cannot verify" "$WORK/$peer.log"
done
say "two peers verify and commit $LAST blocks, $((BLOCKS / CONFIG_EVERY)) of them configuration updates"

stop_all
"$FABRIC_BIN/ledgerutil" verify "$WORK/peer0.org1.example.com" -o "$WORK" > "$WORK/ledgerutil.log"
grep -q "No error is found" "$WORK/ledgerutil.log"
say "ledgerutil finds the peer's ledger in order"
