#!/bin/bash
# up.sh [--fresh]: start the network; resumes the ledgers of the last run if there are any.
# --fresh wipes ledgers, logs and artifacts (not the crypto) first. Already up: says so and exits 0.
set -euo pipefail
[ "${1:-}" = --fresh ] && IGNORE_SETTINGS=1
. "$(dirname "$0")/common.sh"
need awk tar gzip sed openssl; need_bin peer orderer cryptogen configtxgen osnadmin
[ -f "${FABRIC_CFG:-}/core.yaml" ] && [ -f "$FABRIC_CFG/orderer.yaml" ] || die "FABRIC_CFG must name the directory of Fabric's core.yaml and orderer.yaml"
T0=${EPOCHREALTIME/[.,]/}; say() { local d=$(( (${EPOCHREALTIME/[.,]/}-T0)/100000 )); printf '%3d.%ds %s\n' $((d/10)) $((d%10)) "$*"; }
WITH_CC=0; if have_cc; then WITH_CC=1; fi
all="orderer $PEERS"; [ $WITH_CC = 1 ] && all="$all $CC"
up=0; for n in $all; do alive $n && up=$((up+1)); done
if [ "${1:-}" = --fresh ]; then "$HERE/down.sh" >/dev/null; rm -rf "$DATA" "$STATE" "$LOGS" "$ART"
elif [ $up = $(wc -w <<<"$all") ] && [ -f "$STATE/ready" ]; then echo "already up"; exit 0
elif [ $up -gt 0 ]; then say "partly up ($up of $(wc -w <<<"$all")): stopping first"; "$HERE/down.sh" >/dev/null; fi
if [ ! -f "$STATE/ready" ]; then rm -rf "$DATA" "$STATE" "$LOGS" "$ART"; fi
mkdir -p "$STATE" "$PIDS" "$LOGS" "$DATA" "$ART"
abs() { (cd "$1" && pwd); }
{ printf ': "${%s:=%s}"\n' FABRIC_BIN "$(abs "$BIN")" FABRIC_CFG "$(abs "$FABRIC_CFG")" FABRIC_NET_PORTS $BASE FABRIC_NET_IDS $IDS FABRIC_NET_PEERS "$PEERS" FABRIC_NET_CC $WITH_CC \
    MTLS "$MTLS" LEADER "$LEADER" LOGSPEC "$LOGSPEC" RECONCILE "$RECONCILE"; } > "$STATE/settings"

sample_config

if [ ! -d "$CRYPTO" ]; then
  sed "s/@IDS@/$IDS/" "$HERE/config/crypto-config.yaml" > "$NET/config/crypto-config.yaml"
  "$BIN/cryptogen" generate --config="$NET/config/crypto-config.yaml" --output="$CRYPTO" >/dev/null
  # 2.4 refuses a CA whose own signature has a high S, and its cryptogen makes such ones.
  for ca in "$CRYPTO"/*/*/ca/*-cert.pem; do
    low_s "$ca" && continue
    until low_s "$ca"; do openssl x509 -in "$ca" -signkey "${ca%/*}/priv_sk" -preserve_dates -out "$ca.new" 2>/dev/null; mv "$ca.new" "$ca"; done
    find "${ca%/ca/*}" -path "*/cacerts/${ca##*/}" -exec cp "$ca" {} \;
  done
  say "crypto made"
fi
cat "$ORG1_CA" "$ORG2_CA" > "$ART/tlsca-bundle.pem"
if [ ! -f "$ART/$CHANNEL.block" ]; then
  sed -e "s/@ORDERER_PORT@/$((BASE+50))/; s/@ORG1_PORT@/$(port_of peer0.org1)/; s/@ORG2_PORT@/$(port_of peer0.org2)/" "$HERE/config/configtx.yaml" > "$NET/config/configtx.yaml"
  FABRIC_CFG_PATH=$NET/config FABRIC_LOGGING_SPEC=warn "$BIN/configtxgen" -profile TwoOrgsChannel -outputBlock "$ART/$CHANNEL.block" -channelID $CHANNEL
fi
if [ $WITH_CC = 1 ] && [ ! -f "$ART/$CC.tgz" ]; then
  w=$(mktemp -d); printf '{"address":"%s","dial_timeout":"10s","tls_required":false}\n' $CC_ADDR > $w/connection.json
  printf '{"type":"ccaas","label":"%s_1"}\n' $CC > $w/metadata.json
  T="tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C $w -cf -"
  $T connection.json | gzip -n > $w/code.tar.gz; $T code.tar.gz metadata.json | gzip -n > "$ART/$CC.tgz"; rm -rf $w
  FABRIC_LOGGING_SPEC=warn "$BIN/peer" lifecycle chaincode calculatepackageid "$ART/$CC.tgz" > "$ART/package-id"
fi

# one peer after the other, and joined one after the other: a peer that probes the other organization's anchor before that
# has joined is refused (it does not know our MSP yet), and its next probe comes only after reconnectInterval (25 s)
start_orderer; if [ $WITH_CC = 1 ]; then start_cc; fi
for n in $PEERS; do start_peer $n; wait_port 127.0.0.1:$(port_of $n) 30; done
wait_port $ORDERER 30; wait_port $ORDERER_ADMIN 30; if [ $WITH_CC = 1 ]; then wait_port $CC_ADDR 10; fi
say "processes listen"
if [ -f "$STATE/ready" ]; then
  wait_leader; wait_view; h=$(wait_heights); say "up again: every peer knows the others, all at height $h"; exit 0
fi

t=$ORD_DIR/tls
"$BIN/osnadmin" channel join -o $ORDERER_ADMIN --ca-file "$ORD_CA" --client-cert $t/server.crt --client-key $t/server.key \
  -c $CHANNEL -b "$ART/$CHANNEL.block" > "$LOGS/osnadmin.log" 2>&1
grep -q 'Status: 201' "$LOGS/osnadmin.log" || { cat "$LOGS/osnadmin.log" >&2; exit 1; }
for n in $PEERS; do as_admin $n channel join -b "$ART/$CHANNEL.block" >> "$LOGS/cli.log" 2>&1; done
say "orderer and $(wc -w <<<"$PEERS") peers joined $CHANNEL"
if [ $WITH_CC = 1 ]; then
  j=; for n in $PEERS; do as_admin $n lifecycle chaincode install "$ART/$CC.tgz" >> "$LOGS/cli.log" 2>&1 & j="$j $!"; done; for p in $j; do wait $p; done
  say "chaincode package installed: $(cat "$ART/package-id")"
fi
wait_leader; wait_view
say "raft leader elected, every peer knows the others"
if [ $WITH_CC = 0 ]; then touch "$STATE/ready"; say "up without chaincode: blocks.sh makes blocks"; exit 0; fi
def="--channelID $CHANNEL --name $CC --version 1 --sequence 1 --collections-config $HERE/collections/collections.json"
pol="OR('Org1MSP.peer','Org2MSP.peer')"
j=; for n in peer0.org1 peer0.org2; do
  as_admin $n lifecycle chaincode approveformyorg $(ord_flags ${n##*.}) $def --signature-policy "$pol" --package-id "$(cat "$ART/package-id")" >> "$LOGS/cli.log" 2>&1 & j="$j $!"
done; for p in $j; do wait $p; done
say "approved by both organizations"
# each organization's peer must have seen the other's approval before it endorses the commit
end=$((SECONDS+40))
until [ $SECONDS -ge $end ] || { for n in peer0.org1 peer0.org2; do as_admin $n lifecycle chaincode checkcommitreadiness $def --signature-policy "$pol" -O json 2>/dev/null; done | grep -c true | grep -qx 4; }; do pause 0.5; done
as_admin peer0.org1 lifecycle chaincode commit $(ord_flags org1) $def --signature-policy "$pol" $(both_peers) >> "$LOGS/cli.log" 2>&1
say "chaincode definition committed"
"$HERE/invoke.sh" 1 >> "$LOGS/cli.log" 2>&1 || { tail -5 "$LOGS/cli.log" >&2; exit 1; }
h=$(wait_heights)
touch "$STATE/ready"
say "up: $CHANNEL, all peers at height $h"
