#!/bin/bash
# testnet_accepted.sh GRAPEVINE: what `grapevine testnet` makes is accepted by Fabric's own programs.
#
# Needs FABRIC_BIN and FABRIC_CFG (fabric.sh says what they are); without them: exit 77. Listens from port
# ${PORTS:-17450} on, and keeps everything in a temporary folder, which stays on failure.
#
# 1. configtxlator decodes the genesis block.
# 2. An orderer with a testnet MSP and TLS certificate joins the channel with it (osnadmin) and becomes raft leader.
# 3. Peers of two organisations start with testnet MSPs, join with it, and see each other over gossip.
# 4. An orderer that finds a testnet chain in its ledger delivers it, and the peers accept every block: endorser
#    transactions and configuration updates.
# 5. The orderer accepts further configuration updates, and the peers their blocks.
# 6. ledgerutil finds no fault in the ledger of a peer.
set -euo pipefail
GRAPEVINE=${1:?usage: testnet_accepted.sh GRAPEVINE}
WORK=$(mktemp -d)
. "$(dirname "$0")/fabric.sh"
finish() {
  local status=$?
  stop_all
  case $status in 0 | 77) rm -rf "$WORK" ;; *) echo "FAILED; logs are in $WORK" >&2 ;; esac
}
trap finish EXIT
require_fabric

PORTS=${PORTS:-17450} BLOCKS=20 CONFIG_EVERY=5 UPDATES=3
CONFIGS=$((BLOCKS / CONFIG_EVERY))
LAST=$((BLOCKS + CONFIGS))
PEERS="peer0.org1.example.com peer0.org2.example.com"
say() { echo "ok: $*"; }

make_network "$GRAPEVINE" --blocks $BLOCKS --config-every $CONFIG_EVERY --updates $UPDATES --base-port "$PORTS"
"$FABRIC_BIN/configtxlator" proto_decode --type common.Block --input "$NET/mychannel.block" > "$WORK/genesis.json"
grep -q '"type": "etcdraft"' "$WORK/genesis.json"
say "configtxlator decodes the genesis block"

launch orderer run_orderer "$WORK/orderer"
await "$WORK/orderer.log" "Beginning to serve requests" 60
join_orderer
await "$WORK/orderer.log" "Raft leader changed: 0 -> 1" 60
say "an orderer joins the channel and leads it"

for peer in $PEERS; do
  launch $peer run_peer $peer $peer
  await "$WORK/$peer.log" "Started peer with ID" 60
  join_peer $peer
done
for peer in $PEERS; do await "$WORK/$peer.log" "Membership view has changed. peers went online" 90; done
say "two peers join the channel and see each other"

stop orderer
replace_chain "$WORK/orderer"
launch orderer run_orderer "$WORK/orderer"
await "$WORK/orderer.log" "Raft leader changed: 0 -> 1" 60
say "an orderer starts on a testnet chain"
for peer in $PEERS; do await "$WORK/$peer.log" "Committed block \[$LAST\]" 120; done
say "two peers verify and commit $LAST blocks, $CONFIGS of them configuration updates"

for i in $(seq $UPDATES); do
  submit_update "$i"
  for peer in $PEERS; do await "$WORK/$peer.log" "Committed block \[$((LAST + i))\]" 60; done
done
if grep -E "Failed verifying|is not valid|Cannot verify" "$WORK"/peer*.log; then exit 1; fi
say "the orderer accepts $UPDATES more updates, the peers their blocks"

stop_all
"$FABRIC_BIN/ledgerutil" verify "$WORK/peer0.org1.example.com" -o "$WORK" > "$WORK/ledgerutil.log"
grep -q "No error is found" "$WORK/ledgerutil.log"
say "ledgerutil finds the peer's ledger in order"
