# Configuration updates and a renewed certificate: anchor peers, the orderer's address, its certificate, revoked
# identities, an organisation that goes (B 15, 16, C 22, F 39, 40).

case_config() {
  local node=peer2.org1 foreign=peer2.org2 late=peer3.org1 groups=.channel_group.groups
  local application=$groups.Application.groups
  # shellcheck disable=SC2086
  set_up $node $STATIC
  start_node $node
  note_identity $node
  until_true 60 equal_chains $node peer0.org1 > /dev/null
  mark

  update org1 "$application.Org1MSP.values.AnchorPeers.value.anchor_peers += [{host: \"127.0.0.1\", port: $(port_of $node)}]"
  report 15 "the node is made an anchor peer: Go peers of the other organisation learn it" all_logged 40 "anchor peers.*$(port_of $node)" peer0.org2
  update orderer "$groups.Orderer.groups.OrdererOrg.values.Endpoints.value.addresses = [\"localhost:${ORDERER##*:}\"]"
  report 39 "the orderer's address changes: the node moves" until_true 40 pulls_from $node "localhost:${ORDERER##*:}"
  report "39, 51" "and follows" both load 10 -- same_chains 40 $node $PEERS

  report 40 "the orderer signs with a new key and certificate" new_orderer_certificate "$CRYPTO/ordererOrganizations/example.com/ca/ca.example.com-cert.pem"
  report 40 "the node goes on" both load 20 -- same_chains 40 $node $PEERS
  report 40 "then with a certificate of a new CA, which a configuration update has made known" \
    both new_orderer_authority -- new_orderer_certificate "$WORK/authority/cert.pem"
  report 40 "the node goes on" both load 20 -- same_chains 40 $node $PEERS
  # shellcheck disable=SC2086
  set_up $late $STANDBY
  start_node $late
  report 40 "a latecomer takes the blocks of all three certificates" same_chains 60 $late peer0.org1
  disturb; stop_one $late

  start peer1.org2 && join peer1.org2
  start_node $foreign
  note_identity $foreign
  report 16 "a Go peer and a node of the other organisation are seen" both until_true 60 sees_alive $node peer1.org2 $foreign -- \
    all_logged 60 "peers went online.*127.0.0.1:$(port_of $foreign)" peer0.org1
  mark
  disturb
  revocation_list org2 peer1.org2 $foreign > "$WORK/crl.pem"
  update org2 "$application.Org2MSP.values.MSP.value.config.revocation_list = [\"$(base64 -w0 "$WORK/crl.pem")\"]"
  report 16 "both are revoked: the node drops the Go peer" until_true 60 not sees_alive $node peer1.org2
  report 16 "and the Go peers drop the node" dropped peer0.org1 $foreign
  report 16 "the others go on" both load 10 -- same_chains 40 $node $PEERS
  disturb; stop_one peer1.org2; stop_one $foreign
  report 4 "the Go peers' gossip logs are quiet, except after the revocation" complaints

  mark
  disturb
  update org1,org2 "del($application.Org2MSP)" > /dev/null  # it waits for all peers in vain
  report 22 "the other organisation is removed: its peers disappear from the node's view" until_true 40 not sees_alive $node peer0.org2
  report "22, 51" "and the chain goes on without it" without_other_organisation $node
}

# new_orderer_certificate CA: as an operator renews the enrolment certificate before it expires; the CA's key lies beside
# it. The consenters of the channel have TLS certificates, which stay.
new_orderer_certificate() {
  local new=$WORK/renewed before after
  before=$(signer_of_newest_block)
  mkdir -p "$new"
  {
    new_key "$new/priv_sk" &&
      openssl req -new -key "$new/priv_sk" -subj "/C=US/ST=California/L=San Francisco/OU=orderer/CN=orderer.example.com" -out "$new/request.pem" &&
      openssl x509 -req -in "$new/request.pem" -CA "$1" -CAkey "${1%/*}/priv_sk" -set_serial "0x$(openssl rand -hex 15)" -days 30 \
        -extfile <(printf '%s\n' keyUsage=critical,digitalSignature basicConstraints=critical,CA:FALSE authorityKeyIdentifier=keyid) -out "$new/cert.pem"
  } >> "$LOGS/cli.log" 2>&1 || { tail -n 2 "$LOGS/cli.log"; return 1; }
  rm "$ORD_DIR"/msp/signcerts/* "$ORD_DIR"/msp/keystore/*
  cp "$new/cert.pem" "$ORD_DIR/msp/signcerts/orderer.example.com-cert.pem"
  cp "$new/priv_sk" "$ORD_DIR/msp/keystore/priv_sk"
  disturb; stop_one orderer
  start orderer && load 1 || return 1
  after=$(signer_of_newest_block)
  echo "newest block: before ${before:-unknown}, now $after"
  [ -n "$before" ] && [ "$before" != "$after" ] && [ "$after" = "$(whose "$new/cert.pem")" ]
}
# A further root of the orderer's organisation, in the channel and in the orderer's own folder. Roles are bound to the old
# one until then.
new_orderer_authority() {
  local new=$WORK/authority
  mkdir -p "$new"
  new_key "$new/priv_sk" >> "$LOGS/cli.log" 2>&1
  until [ -f "$new/cert.pem" ] && low_s "$new/cert.pem"; do
    openssl req -new -x509 -key "$new/priv_sk" -subj "/C=US/ST=California/L=San Francisco/O=example.com/CN=ca2.example.com" -days 30 \
      -addext keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign,cRLSign -out "$new/cert.pem" 2>> "$LOGS/cli.log" || return 1
  done
  update orderer ".channel_group.groups.Orderer.groups.OrdererOrg.values.MSP.value.config |= (.root_certs += [\"$(base64 -w0 "$new/cert.pem")\"]
    | .fabric_node_ous |= map_values(if type == \"object\" then del(.certificate) else . end))" || return 1
  cp "$new/cert.pem" "$ORD_DIR/msp/cacerts/ca2.example.com-cert.pem"
  sed -i '/Certificate:/d' "$ORD_DIR/msp/config.yaml"
}
new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out "$1"; }
whose() { openssl x509 -in "${1:-/dev/stdin}" -noout -issuer -serial | sed 's/.*CN = /issuer /' | paste -sd ' '; } # whose [CERTIFICATE]
signer_of_newest_block() { # the certificate in its signature
  newest_block || return
  "$BIN/configtxlator" proto_decode --type common.Block --input "$WORK/newest.block" | jq -r '.metadata.metadata[0]' | base64 -d |
    LC_ALL=C sed -n '/-----BEGIN CERT/,/-----END CERT/{s/.*-----BEGIN/-----BEGIN/;p}' | whose
}
# revocation_list ORG NAME... : a list of the organisation's CA with the signing certificates of these.
revocation_list() {
  local org=$1 ca=$WORK/ca-$1 name
  shift
  mkdir -p "$ca"
  : > "$ca/index.txt"
  echo 01 > "$ca/number"
  printf '%s\n' "[ca]" "default_ca=d" "[d]" "database=$ca/index.txt" "crlnumber=$ca/number" "default_md=sha256" \
    "default_crl_days=30" "crl_extensions=e" "[e]" "authorityKeyIdentifier=keyid" > "$ca/ca.cnf"
  for name in "$@" ''; do
    openssl ca -config "$ca/ca.cnf" -cert "$CRYPTO/peerOrganizations/$org.example.com/ca/ca.$org.example.com-cert.pem" \
      -keyfile "$CRYPTO/peerOrganizations/$org.example.com/ca/priv_sk" \
      $(if [ -n "$name" ]; then echo -revoke "$(ls "$(peer_dir "$name")"/msp/signcerts/*)"; else echo -gencrl; fi) 2>> "$LOGS/cli.log"
  done
}
dropped() { # dropped NAME NODE: NAME's view of the channel loses the node
  until_true 60 not_discovered "$1" "127.0.0.1:$(port_of "$2")"
}
without_other_organisation() {
  "$ROOM/network/invoke.sh" 5 -peers "127.0.0.1:$(port_of peer0.org1)" >> "$LOGS/load.log" 2>&1 || true
  same_chains 60 "$1" peer0.org1 peer1.org1
}
