# Sourced: runs Fabric's orderer and peers on a network that `grapevine testnet` made, everything on 127.0.0.1.
#
# FABRIC_BIN: folder with Fabric's peer, orderer, osnadmin, configtxlator, ledgerutil (2.4 or 2.5).
# FABRIC_CFG: folder with its core.yaml and orderer.yaml. A release tarball of Fabric has both.
# WORK: where all is kept: net/ (the testnet), NAME.log, NAME/ (ledgers), pids/NAME. Set by whoever sources this.
# Ports: net/endpoints.txt; a node's port + 1 is the orderer's admin API or a peer's chaincode listener, + 2 operations.
export FABRIC_CFG_PATH=$WORK/config FABRIC_LOGGING_SPEC=${FABRIC_LOGGING_SPEC:-info}
NET=$WORK/net
CRYPTO=$NET/crypto
ORDERER=orderer.example.com
ORDERER_FOLDER=$CRYPTO/ordererOrganizations/example.com/orderers/$ORDERER
ORDERER_CA=$CRYPTO/ordererOrganizations/example.com/tlsca/tlsca.example.com-cert.pem

# Exit status 77 is a skipped test.
require_fabric() {
  local program
  for program in peer orderer osnadmin configtxlator ledgerutil; do
    [ -x "${FABRIC_BIN:-}/$program" ] || { echo "skipped: no $program in FABRIC_BIN (${FABRIC_BIN:-unset})"; exit 77; }
  done
  [ -f "${FABRIC_CFG:-}/core.yaml" ] && [ -f "$FABRIC_CFG/orderer.yaml" ] ||
    { echo "skipped: FABRIC_CFG (${FABRIC_CFG:-unset}) has no core.yaml and orderer.yaml"; exit 77; }
}

make_network() { # make_network GRAPEVINE OPTIONS... : two organisations
  local grapevine=$1
  shift
  mkdir -p "$FABRIC_CFG_PATH" "$WORK/pids"
  "$grapevine" testnet --out "$NET" "$@"
  cp "$FABRIC_CFG/orderer.yaml" "$FABRIC_CFG_PATH"
  sed 's#^\( *endpoint:\) unix:///var/run/docker.sock#\1#' "$FABRIC_CFG/core.yaml" > "$FABRIC_CFG_PATH/core.yaml"
  cat "$(tls_ca org1.example.com)" "$(tls_ca org2.example.com)" > "$WORK/tls-cas.pem"
}

port_of() { awk -v name="$1" '$1 == name {sub(/.*:/, "", $3); print $3}' "$NET/endpoints.txt"; }
msp_of() { awk -v name="$1" '$1 == name {print $2}' "$NET/endpoints.txt"; }
tls_ca() { echo "$CRYPTO/peerOrganizations/$1/tlsca/tlsca.$1-cert.pem"; }

# await LOG PATTERN SECONDS: until a line of the log matches. The tail ends with this script.
await() {
  timeout "$3" grep -q -m1 -E -- "$2" <(exec tail -n +1 -F --pid=$$ "$1" 2>/dev/null) ||
    { echo "no '$2' in $1 within $3 s:" >&2; tail -n 5 "$1" >&2; return 1; }
}

launch() { # launch NAME FUNCTION... : the function ends in exec
  local name=$1
  shift
  (trap - EXIT; "$@") > "$WORK/$name.log" 2>&1 < /dev/null &
  echo $! > "$WORK/pids/$name"
}
stop() { # stop NAME: and waits for its end
  local pid
  [ -f "$WORK/pids/$1" ] || return 0
  pid=$(cat "$WORK/pids/$1")
  rm "$WORK/pids/$1"
  kill "$pid" 2>/dev/null || return 0
  timeout 20 tail --pid="$pid" -f /dev/null || kill -KILL "$pid"
}
stop_all() { local file; for file in "$WORK"/pids/*; do if [ -f "$file" ]; then stop "${file##*/}"; fi; done; }

run_orderer() { # run_orderer LEDGER_FOLDER
  local tls=$ORDERER_FOLDER/tls port
  port=$(port_of $ORDERER)
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
join_orderer() {
  "$FABRIC_BIN/osnadmin" channel join -o 127.0.0.1:$(($(port_of $ORDERER) + 1)) --ca-file "$ORDERER_CA" -c mychannel \
    -b "$NET/mychannel.block" --client-cert "$ORDERER_FOLDER/tls/server.crt" --client-key "$ORDERER_FOLDER/tls/server.key" \
    > "$WORK/osnadmin.log" 2>&1
  grep -q "Status: 201" "$WORK/osnadmin.log" || { cat "$WORK/osnadmin.log" >&2; return 1; }
}
# Gives a stopped orderer that has joined the channel another chain. Its raft log stays: without one it would wait for
# others to join it.
replace_chain() { # replace_chain LEDGER_FOLDER
  rm -r "$1/chains/mychannel" "$1/index"
  mkdir "$1/chains/mychannel"
  cp "$NET"/chain/blockfile_* "$1/chains/mychannel/"
}

# Both organisations' peers lead and ask the orderer themselves; state transfer is on.
run_peer() { # run_peer NAME BOOTSTRAP
  local folder=$CRYPTO/peerOrganizations/${1#*.}/peers/$1 port
  port=$(port_of "$1")
  export CORE_PEER_ID=$1 CORE_PEER_LOCALMSPID=$(msp_of "$1") CORE_PEER_MSPCONFIGPATH=$folder/msp \
    CORE_PEER_FILESYSTEMPATH=$WORK/$1 CORE_LEDGER_SNAPSHOTS_ROOTDIR=$WORK/$1/snapshots \
    CORE_PEER_LISTENADDRESS=127.0.0.1:$port CORE_PEER_ADDRESS=127.0.0.1:$port \
    CORE_PEER_CHAINCODELISTENADDRESS=127.0.0.1:$((port + 1)) CORE_OPERATIONS_LISTENADDRESS=127.0.0.1:$((port + 2)) \
    CORE_PEER_TLS_ENABLED=true CORE_PEER_TLS_CERT_FILE=$folder/tls/server.crt CORE_PEER_TLS_KEY_FILE=$folder/tls/server.key \
    CORE_PEER_TLS_ROOTCERT_FILE=$WORK/tls-cas.pem CORE_PEER_TLS_CLIENTAUTHREQUIRED=true \
    CORE_PEER_TLS_CLIENTROOTCAS_FILES="$(tls_ca org1.example.com) $(tls_ca org2.example.com)" \
    CORE_PEER_TLS_CLIENTCERT_FILE=$folder/tls/server.crt CORE_PEER_TLS_CLIENTKEY_FILE=$folder/tls/server.key \
    CORE_PEER_GOSSIP_BOOTSTRAP=127.0.0.1:$(port_of "$2") CORE_PEER_GOSSIP_ENDPOINT=127.0.0.1:$port \
    CORE_PEER_GOSSIP_EXTERNALENDPOINT=127.0.0.1:$port CORE_PEER_GOSSIP_STATE_ENABLED=true \
    CORE_PEER_GOSSIP_USELEADERELECTION=false CORE_PEER_GOSSIP_ORGLEADER=true CORE_PEER_GOSSIP_RECONNECTINTERVAL=3s
  exec "$FABRIC_BIN/peer" node start
}
as_admin() ( # as_admin PEER ARGUMENTS... : the peer's command line as its organisation's admin
  domain=${1#*.}
  user=$CRYPTO/peerOrganizations/$domain/users/Admin@$domain
  export FABRIC_LOGGING_SPEC=warn CORE_PEER_LOCALMSPID=$(msp_of "$1") CORE_PEER_MSPCONFIGPATH=$user/msp \
    CORE_PEER_ADDRESS=127.0.0.1:$(port_of "$1") CORE_PEER_TLS_ENABLED=true CORE_PEER_TLS_ROOTCERT_FILE=$(tls_ca "$domain") \
    CORE_PEER_TLS_CLIENTAUTHREQUIRED=true CORE_PEER_TLS_CLIENTCERT_FILE=$user/tls/client.crt \
    CORE_PEER_TLS_CLIENTKEY_FILE=$user/tls/client.key
  shift
  exec "$FABRIC_BIN/peer" "$@"
)
join_peer() { as_admin "$1" channel join -b "$NET/mychannel.block" > "$WORK/join-$1.log" 2>&1; }
submit_update() { # submit_update N: net/updates/N.tx, which makes one configuration block
  local user=$CRYPTO/peerOrganizations/org1.example.com/users/Admin@org1.example.com
  as_admin peer0.org1.example.com channel update -f "$NET/updates/$1.tx" -c mychannel -o "127.0.0.1:$(port_of $ORDERER)" \
    --tls --cafile "$ORDERER_CA" --clientauth --certfile "$user/tls/client.crt" --keyfile "$user/tls/client.key" \
    >> "$WORK/update.log" 2>&1
}
