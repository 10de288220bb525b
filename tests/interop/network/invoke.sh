#!/bin/bash
# invoke.sh N [flags…]: N endorsed transactions; waits until they are committed, exits 1 if any is not valid. Needs labload.
#   -peers "HOST:PORT HOST:PORT"               the endorsers (default: both organizations' peer0)
#   -coll colpush|colpull|colorg1              private data instead of a public put
#   -size BYTES  -rate TX/S  -c SENDERS  -prefix KEYPREFIX  -event PEER  -wait=false     (see labload -h)
. "$(dirname "$0")/common.sh"
n=${1:?usage: invoke.sh N [flags]}; shift
have_cc || die "the network is without chaincode: use blocks.sh"
ps="127.0.0.1:$(port_of peer0.org1) 127.0.0.1:$(port_of peer0.org2)"; a=()
while [ $# -gt 0 ]; do if [ "$1" = -peers ]; then ps=$2; shift 2; else a+=("$1"); shift; fi; done
exec "$BIN/labload" -orderer $ORDERER -ca "$ORD_CA" -ca "$ORG1_CA" -ca "$ORG2_CA" -user "$(user_dir User1 org1)" -mspid Org1MSP \
  -channel $CHANNEL -cc $CC $(for p in $ps; do echo "-peer $p"; done) -n "$n" "${a[@]}"
