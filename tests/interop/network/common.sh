# sourced by the other scripts.  Settings by environment:
#   FABRIC_BIN        directory of the Fabric binaries (a release tarball's bin/); also labcc and labload, if there are any
#   FABRIC_CFG        directory with Fabric's core.yaml and orderer.yaml (a release tarball's config/)
#   FABRIC_NET_DIR    where crypto, ledgers, logs and pids are kept            (./.fabric-net)
#   FABRIC_NET_PORTS  base of the ports, see README.md                         (17000)
#   FABRIC_NET_IDS    peer identities that a new crypto tree has per organization (2)
#   FABRIC_NET_PEERS  the peers that up.sh runs                (peer0.org1 peer1.org1 peer0.org2 peer1.org2)
#   FABRIC_NET_CC     0: without chaincode even if labcc and labload are there (1)
#   LOGSPEC           FABRIC_LOGGING_SPEC of the peers and the orderer         (info)
#   MTLS              1: peers and orderer require client certificates         (1)
#   LEADER            election | static (every peer asks the orderer itself) | standby (none does) (election)
#   RECONCILE         interval of the private-data reconciler                  (15s)
# What up.sh was started with is kept in the state and is the default for the other scripts and for a resuming up.sh.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
NET=${FABRIC_NET_DIR:-$PWD/.fabric-net}; case $NET in /*) ;; *) NET=$PWD/$NET;; esac
STATE=$NET/state; PIDS=$STATE/pids; LOGS=$NET/logs; DATA=$NET/data; CRYPTO=$NET/crypto; ART=$NET/artifacts
if [ -f "$STATE/settings" ] && [ -z "${IGNORE_SETTINGS:-}" ]; then . "$STATE/settings"; fi
BASE=${FABRIC_NET_PORTS:-17000}; IDS=${FABRIC_NET_IDS:-2}; PEERS=${FABRIC_NET_PEERS:-peer0.org1 peer1.org1 peer0.org2 peer1.org2}
MTLS=${MTLS:-1}; LEADER=${LEADER:-election}; LOGSPEC=${LOGSPEC:-info}; RECONCILE=${RECONCILE:-15s}
BIN=${FABRIC_BIN:-}; BIN=${BIN%/}
CHANNEL=mychannel; CC=labcc; CC_ADDR=127.0.0.1:$((BASE+999))
ORDERER=127.0.0.1:$((BASE+50)); ORDERER_ADMIN=127.0.0.1:$((BASE+40)); ORDERER_OPS=127.0.0.1:$((BASE+41))
ORD_DIR=$CRYPTO/ordererOrganizations/example.com/orderers/orderer.example.com
ORD_CA=$CRYPTO/ordererOrganizations/example.com/tlsca/tlsca.example.com-cert.pem
ORG1_CA=$CRYPTO/peerOrganizations/org1.example.com/tlsca/tlsca.org1.example.com-cert.pem
ORG2_CA=$CRYPTO/peerOrganizations/org2.example.com/tlsca/tlsca.org2.example.com-cert.pem
export FABRIC_CFG_PATH=$NET/config/run
mtls_bool() { if [ "$MTLS" = 1 ]; then echo true; else echo false; fi; }
die() { echo "$*" >&2; exit 1; }
need_bin() { local b; for b in "$@"; do [ -x "$BIN/$b" ] || die "no $b in FABRIC_BIN (${BIN:-unset})"; done; }
need() { local c; for c in "$@"; do command -v "$c" >/dev/null || die "$c is needed"; done; }
have_cc() { [ "${FABRIC_NET_CC:-1}" = 1 ] && [ -x "$BIN/labcc" ] && [ -x "$BIN/labload" ]; }

port_of() { # peerI.orgJ -> main port
  local i=${1#peer}; i=${i%%.*}; local o=${1##*.org}
  echo $((BASE + 51 + 1000*(o-1) + 10*i))
}
bootstrap_of() { case $1 in peer0.*) echo 127.0.0.1:$(port_of "peer1.${1#*.}");; *) echo 127.0.0.1:$(port_of "peer0.${1#*.}");; esac; }
peer_dir() { local d=${1#*.}.example.com; echo "$CRYPTO/peerOrganizations/$d/peers/${1%%.*}.$d"; }
user_dir() { # user_dir Admin org1|org2|orderer
  case $2 in orderer) echo "$CRYPTO/ordererOrganizations/example.com/users/$1@example.com";;
    *) echo "$CRYPTO/peerOrganizations/$2.example.com/users/$1@$2.example.com";; esac
}

pause() { read -rt "$1" <> <(:) || true; }  # between two looks at something that tells of itself in no other way

starttime() { # starttime PID: nothing when all its threads are gone. The first one may be a zombie while others end, and locks are held.
  local tasks=(/proc/"$1"/task/*)
  awk -v n=${#tasks[@]} '{sub(/^.*\) /,""); if (n > 1 || ($1 != "Z" && $1 != "X")) print $20}' "/proc/$1/stat" 2>/dev/null
}
alive() { # alive NAME: the process that we recorded still runs (pid and start time agree)
  local p s; [ -f "$PIDS/$1" ] || return 1; read -r p s < "$PIDS/$1"
  [ -n "$p" ] && [ -n "$s" ] && [ "$(starttime "$p")" = "$s" ]
}
launch() { # launch NAME command… (environment already exported in a subshell)
  local name=$1; shift; mkdir -p "$PIDS" "$LOGS"
  setsid nohup "$@" >>"$LOGS/$name.log" 2>&1 </dev/null &
  local p=$!; pause 0.05; echo "$p $(starttime $p)" > "$PIDS/$name"
}
stop_one() { # stop_one NAME [signal]: by recorded pid and start time only; waits
  local p end=$((SECONDS+15))
  if alive "$1"; then read -r p _ < "$PIDS/$1"; kill "${2:--TERM}" "$p" 2>/dev/null; fi
  while alive "$1" && [ $SECONDS -lt $end ]; do pause 0.1; done
  if alive "$1"; then read -r p _ < "$PIDS/$1"; echo "$1 ($p) did not stop in time: killed"; kill -KILL "$p"; pause 0.2; fi
  rm -f "$PIDS/$1"
}
wait_port() { # wait_port HOST:PORT seconds
  local h=${1%:*} p=${1##*:} end=$((SECONDS+$2))
  while ! (exec 3<>"/dev/tcp/$h/$p") 2>/dev/null; do [ $SECONDS -ge $end ] && { echo "nothing listens at $1" >&2; return 1; }; pause 0.1; done
}
http_get() { ( exec 3<>"/dev/tcp/${1%:*}/${1##*:}" && printf 'GET %s HTTP/1.0\r\n\r\n' "$2" >&3 && cat <&3 ) 2>/dev/null; } # http_get HOST:PORT PATH

sample_config() { # for what starts from now on: core.yaml and orderer.yaml of $FABRIC_CFG; edited is only what environment variables cannot say
  mkdir -p "$FABRIC_CFG_PATH"
  sed -e "s#path: /opt/hyperledger/ccaas_builder#path: $HERE/builders/ccaas#" -e 's#^\( *endpoint:\) unix:///var/run/docker.sock#\1#' \
    -e "s#^    externalBuilders: \[\] *\$#    externalBuilders: [{name: ccaas_builder, path: $HERE/builders/ccaas}]#" "$FABRIC_CFG/core.yaml" > "$FABRIC_CFG_PATH/core.yaml"
  cp "$FABRIC_CFG/orderer.yaml" "$FABRIC_CFG_PATH/orderer.yaml"
}

start_orderer() (
  t=$ORD_DIR
  export FABRIC_LOGGING_SPEC=$LOGSPEC ORDERER_GENERAL_LISTENADDRESS=127.0.0.1 ORDERER_GENERAL_LISTENPORT=${ORDERER##*:} \
    ORDERER_GENERAL_BOOTSTRAPMETHOD=none ORDERER_CHANNELPARTICIPATION_ENABLED=true \
    ORDERER_GENERAL_LOCALMSPID=OrdererMSP ORDERER_GENERAL_LOCALMSPDIR=$t/msp \
    ORDERER_GENERAL_TLS_ENABLED=true ORDERER_GENERAL_TLS_PRIVATEKEY=$t/tls/server.key ORDERER_GENERAL_TLS_CERTIFICATE=$t/tls/server.crt \
    ORDERER_GENERAL_TLS_ROOTCAS=[$t/tls/ca.crt] ORDERER_GENERAL_TLS_CLIENTAUTHREQUIRED=$(mtls_bool) \
    ORDERER_GENERAL_TLS_CLIENTROOTCAS=[$ORD_CA,$ORG1_CA,$ORG2_CA] \
    ORDERER_GENERAL_CLUSTER_CLIENTCERTIFICATE=$t/tls/server.crt ORDERER_GENERAL_CLUSTER_CLIENTPRIVATEKEY=$t/tls/server.key \
    ORDERER_GENERAL_CLUSTER_ROOTCAS=[$t/tls/ca.crt] \
    ORDERER_ADMIN_LISTENADDRESS=$ORDERER_ADMIN ORDERER_ADMIN_TLS_ENABLED=true ORDERER_ADMIN_TLS_CERTIFICATE=$t/tls/server.crt \
    ORDERER_ADMIN_TLS_PRIVATEKEY=$t/tls/server.key ORDERER_ADMIN_TLS_ROOTCAS=[$t/tls/ca.crt] ORDERER_ADMIN_TLS_CLIENTROOTCAS=[$t/tls/ca.crt] \
    ORDERER_ADMIN_TLS_CLIENTAUTHREQUIRED=true ORDERER_OPERATIONS_LISTENADDRESS=$ORDERER_OPS ORDERER_METRICS_PROVIDER=prometheus \
    ORDERER_FILELEDGER_LOCATION=$DATA/orderer ORDERER_CONSENSUS_WALDIR=$DATA/orderer/etcdraft/wal ORDERER_CONSENSUS_SNAPDIR=$DATA/orderer/etcdraft/snapshot
  launch orderer "$BIN/orderer"
)

# The peers' TLS root file holds both organizations' CAs. With its own CA alone a peer's first cross-organization
# probe, made before the channel's TLS roots are loaded, fails, and the next comes only after reconnectInterval (25 s).
start_peer() ( # start_peer peerI.orgJ [PROGRAM…]: Fabric's peer, or another program that takes the same environment
  n=$1; shift; d=$(peer_dir "$n"); p=$(port_of "$n"); o=${n##*.org}
  elect=true; lead=false; case $LEADER in static) elect=false; lead=true;; standby) elect=false;; esac
  export FABRIC_LOGGING_SPEC=$LOGSPEC CORE_PEER_ID=${d##*/} CORE_PEER_NETWORKID=lab \
    CORE_PEER_LOCALMSPID=Org${o}MSP CORE_PEER_MSPCONFIGPATH=$d/msp CORE_PEER_FILESYSTEMPATH=$DATA/$n CORE_LEDGER_SNAPSHOTS_ROOTDIR=$DATA/$n/snapshots \
    CORE_PEER_LISTENADDRESS=127.0.0.1:$p CORE_PEER_ADDRESS=127.0.0.1:$p \
    CORE_PEER_CHAINCODELISTENADDRESS=127.0.0.1:$((p+1)) CORE_PEER_CHAINCODEADDRESS=127.0.0.1:$((p+1)) \
    CORE_OPERATIONS_LISTENADDRESS=127.0.0.1:$((p+2)) CORE_METRICS_PROVIDER=prometheus \
    CORE_PEER_TLS_ENABLED=true CORE_PEER_TLS_CERT_FILE=$d/tls/server.crt CORE_PEER_TLS_KEY_FILE=$d/tls/server.key CORE_PEER_TLS_ROOTCERT_FILE=$ART/tlsca-bundle.pem \
    CORE_PEER_TLS_CLIENTAUTHREQUIRED=$(mtls_bool) CORE_PEER_TLS_CLIENTROOTCAS_FILES="$ORG1_CA $ORG2_CA" \
    CORE_PEER_TLS_CLIENTCERT_FILE=$d/tls/server.crt CORE_PEER_TLS_CLIENTKEY_FILE=$d/tls/server.key \
    CORE_PEER_GOSSIP_BOOTSTRAP=$(bootstrap_of "$n") CORE_PEER_GOSSIP_ENDPOINT=127.0.0.1:$p CORE_PEER_GOSSIP_EXTERNALENDPOINT=127.0.0.1:$p \
    CORE_PEER_GOSSIP_USELEADERELECTION=$elect CORE_PEER_GOSSIP_ORGLEADER=$lead CORE_PEER_GOSSIP_STATE_ENABLED=true \
    CORE_PEER_GOSSIP_PVTDATA_RECONCILESLEEPINTERVAL=$RECONCILE
  if [ -f "$NET/settings/$n" ]; then . "$NET/settings/$n"; fi   # exports of this peer's own
  if [ $# -gt 0 ]; then launch "$n" "$@"; else launch "$n" "$BIN/peer" node start; fi
)

start_cc() ( launch "$CC" "$BIN/labcc" "$(cat "$ART/package-id")" "$CC_ADDR" )

cli_env() { # cli_env org1|org2|orderer ADDRESS CAFILE : environment of a CLI call as that organization's Admin
  local u m; u=$(user_dir Admin "$1"); case $1 in orderer) m=OrdererMSP;; *) m=Org${1#org}MSP;; esac
  export FABRIC_LOGGING_SPEC=${CLI_LOGSPEC:-warn} CORE_PEER_LOCALMSPID=$m CORE_PEER_MSPCONFIGPATH=$u/msp CORE_PEER_ADDRESS=$2 \
    CORE_PEER_TLS_ENABLED=true CORE_PEER_TLS_ROOTCERT_FILE=$3 CORE_PEER_TLS_CLIENTAUTHREQUIRED=$(mtls_bool) \
    CORE_PEER_TLS_CLIENTCERT_FILE=$u/tls/client.crt CORE_PEER_TLS_CLIENTKEY_FILE=$u/tls/client.key
}
as_admin() ( n=$1; shift; cli_env "${n##*.}" 127.0.0.1:$(port_of "$n") "$(peer_dir "$n")/tls/ca.crt"; exec "$BIN/peer" "$@" ) # as_admin peerI.orgJ ARGS…
as_org() ( o=$1; shift; cli_env "$o" "$ORDERER" "$ORD_CA"; exec "$BIN/peer" "$@" )                # as_org org1|org2|orderer ARGS… : a call that needs only the orderer
ord_flags() { # flags for a CLI call of organization $1 that talks to the orderer
  local u; u=$(user_dir Admin "$1"); echo "-o $ORDERER --tls --cafile $ORD_CA"
  if [ "$MTLS" = 1 ]; then echo "--clientauth --certfile $u/tls/client.crt --keyfile $u/tls/client.key"; fi
}
both_peers() { echo "--peerAddresses 127.0.0.1:$(port_of peer0.org1) --tlsRootCertFiles $ORG1_CA --peerAddresses 127.0.0.1:$(port_of peer0.org2) --tlsRootCertFiles $ORG2_CA"; }
height() { as_admin "$1" channel getinfo -c $CHANNEL 2>/dev/null | sed -n 's/.*"height":\([0-9]*\).*/\1/p'; }
fetch_config() { # fetch_config FILE: the newest config block, from the orderer
  as_org orderer channel fetch config "$1" -c $CHANNEL $(ord_flags orderer) >>"$LOGS/cli.log" 2>&1
}

low_s() { # low_s CERTIFICATE: its signature ends with S, of which a high one has 33 bytes
  [ "$(openssl x509 -in "$1" -outform DER | tail -c 35 | od -An -tx1 -N3)" != " 02 21 00" ]
}
metric() { http_get "$1" /metrics | awk -v n="$2" 'index($1, n"{")==1 || $1==n {print $2; exit}'; } # metric HOST:PORT NAME
wait_leader() { local end=$((SECONDS+30)); until [ "$(metric $ORDERER_OPS consensus_etcdraft_is_leader)" = 1 ]; do [ $SECONDS -lt $end ] || { echo "no raft leader" >&2; return 1; }; pause 0.2; done; }
wait_view() { # until every peer knows the others
  local n v c end=$((SECONDS+90)); c=$(wc -w <<<"$PEERS")
  for n in $PEERS; do
    until v=$(metric 127.0.0.1:$(($(port_of $n)+2)) gossip_membership_total_peers_known); [ "${v:-0}" -ge $((c-1)) ]; do
      [ $SECONDS -lt $end ] || { echo "$n knows only ${v:-0} peers" >&2; return 1; }; pause 0.2; done
  done
}
wait_heights() { # wait_heights [H]: until all peers have height H (default: what the highest of them has)
  local n h=${1:-0} x end=$((SECONDS+60))
  [ $h -gt 0 ] || for n in $PEERS; do x=$(height $n); [ "${x:-0}" -gt $h ] && h=$x; done
  for n in $PEERS; do until [ "$(height $n)" -ge "$h" ] 2>/dev/null; do [ $SECONDS -lt $end ] || { echo "$n stays below height $h" >&2; return 1; }; pause 0.3; done; done
  echo $h
}
