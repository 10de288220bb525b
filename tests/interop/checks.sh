# Sourced by run.sh, after network/common.sh: how the cases start nodes, look at both sides, and report.
#
# Names are those of the network: peerI.orgJ. A name in $WORK/nodes is a Grapevine node, any other one a Fabric peer.

report() { # report ITEM WHAT COMMAND... : passes when the command, which prints evidence, does
  local item=$1 what=$2 result=pass evidence
  shift 2
  evidence=$("$@" 2>&1) || { result=FAIL; echo "$item" >> "$WORK/failed"; }
  row "$item" "$what" "$result" "${evidence//$'\n'/; }"
}
row() { # row ITEM WHAT RESULT EVIDENCE
  echo "| $1 | $2 | $3 | ${4//|/\\|} |"
}
until_true() { # until_true SECONDS COMMAND... : and says how long it took
  local start=$SECONDS limit=$1
  shift
  until "$@" > "$WORK/until.out" 2>&1; do
    [ $((SECONDS - start)) -lt "$limit" ] || { echo "not within $limit s: $* $(tail -n 1 "$WORK/until.out")"; return 1; }
    pause 0.3
  done
  echo "after $((SECONDS - start)) s"
}
not() { ! "$@"; }
both() { # both COMMAND... -- COMMAND... : evidence of both, the first failure counts
  local first=()
  while [ "$1" != -- ]; do first+=("$1"); shift; done
  shift
  "${first[@]}" && "$@"
}

# --- processes

fresh_network() { # with new certificates; logs of an earlier one stay, in logs.N
  [ ! -d "$LOGS" ] || mv "$LOGS" "$LOGS.$(ls -d "$LOGS"* | wc -l)"
  "$ROOM/network/down.sh" --clean-all > /dev/null
  "$ROOM/network/up.sh" --fresh > "$WORK/up.log" 2>&1 || { cat "$WORK/up.log" >&2; echo up >> "$WORK/failed"; return 1; }
}
is_node() { grep -qsx "$1" "$WORK/nodes"; }
gv() { # gv NAME ARGUMENTS... : a command to a running node
  local name=$1
  shift
  "$GRAPEVINE" "$@" --socket "$DATA/$name/grapevine/admin.sock"
}
set_up() { # set_up NAME [VARIABLE=VALUE...]: what this one is started with from now on, beyond what all are
  local name=$1 setting
  shift
  mkdir -p "$WORK/settings"
  for setting in "$@"; do echo "export $(printf %q "$setting")"; done > "$WORK/settings/$name"
}
STANDBY="CORE_PEER_GOSSIP_USELEADERELECTION=false CORE_PEER_GOSSIP_ORGLEADER=false"
STATIC="CORE_PEER_GOSSIP_USELEADERELECTION=false CORE_PEER_GOSSIP_ORGLEADER=true"
start() { # start NAME: a node of $WORK/nodes, a Fabric peer, or orderer; ledgers stay
  local config=$FABRIC_CFG_PATH/core.yaml
  if [ "$1" = orderer ]; then
    start_orderer
    wait_port "$ORDERER" 30 && wait_leader
  elif is_node "$1"; then
    [ ! -f "$WORK/settings/$1.yaml" ] || config=$WORK/settings/$1.yaml
    start_peer "$1" "$GRAPEVINE" node start --config "$config"
    until_true 30 gv "$1" node status > /dev/null || { tail -n 3 "$LOGS/$1.log"; return 1; }
  else
    start_peer "$1"
    wait_port "127.0.0.1:$(port_of "$1")" 30
  fi
}
join() { # join NAME: with the genesis block
  if is_node "$1"; then gv "$1" channel join -b "$ART/$CHANNEL.block"; else as_admin "$1" channel join -b "$ART/$CHANNEL.block"; fi \
    >> "$LOGS/cli.log" 2>&1
}
start_node() { # start_node NAME: a new node, in the channel
  echo "$1" >> "$WORK/nodes"
  date +%s >> "$WORK/newcomers"
  start "$1" && join "$1"
}
disturb() { date +%s >> "$WORK/disturbances"; }
kill_hard() { disturb; stop_one "$1" -KILL; }
restart() { disturb; start "$1"; }
stop_nodes() { # with their ledgers: the next case finds none
  local name
  for name in $(sort -u "$WORK/nodes" 2>/dev/null); do
    disturb
    stop_one "$name"
    rm -rf "${DATA:?}/$name"
    mv "$LOGS/$name.log" "$LOGS/$name.$(date +%s).log" 2>/dev/null
  done
  rm -f "$WORK/nodes" "$WORK"/settings/*
}
running() { local name; for name in $PEERS $(sort -u "$WORK/nodes" 2>/dev/null); do if alive "$name"; then echo "$name"; fi; done; }
kind() { if is_node "$1"; then echo Grapevine; else echo Go; fi; }
ops() { echo "127.0.0.1:$(($(port_of "$1") + 2))"; }

# --- load

load() { # load COUNT [OPTIONS OF invoke.sh]: transactions, endorsed by peer0.org2; without chaincode: config blocks
  local count=$1
  shift
  if have_cc; then
    "$ROOM/network/invoke.sh" "$count" -peers "127.0.0.1:$(port_of peer0.org2)" "$@"
  else
    "$ROOM/network/blocks.sh" $((count / 10 + 1))
  fi >> "$LOGS/load.log" 2>&1 || { echo "load failed:"; tail -n 2 "$LOGS/load.log"; return 1; }
}
update() { "$ROOM/network/config-update.sh" "$@" >> "$LOGS/cli.log" 2>&1 || { echo "config update failed"; tail -n 2 "$LOGS/cli.log"; return 1; }; }
cut_blocks() { # cut_blocks TRANSACTIONS: in a block, from now on
  update orderer ".channel_group.groups.Orderer.values.BatchSize.value.max_message_count = $1"
}

# --- what is seen

chain_of() { # chain_of NAME: "HEIGHT HASH"
  if is_node "$1"; then gv "$1" channel getinfo -c $CHANNEL; else as_admin "$1" channel getinfo -c $CHANNEL; fi 2>/dev/null |
    sed -n 's/.*"height":\([0-9]*\),"currentBlockHash":"\([^"]*\)".*/\1 \2/p'
}
height_of() { local chain; chain=$(chain_of "$1"); echo "${chain% *}"; }
newest_block() { # of the orderer, to $WORK/newest.block
  as_org orderer channel fetch newest "$WORK/newest.block" -c $CHANNEL $(ord_flags orderer) >> "$LOGS/cli.log" 2>&1
}
equal_chains() {
  local name first='' chain
  for name in "$@"; do
    chain=$(chain_of "$name")
    [ -n "$chain" ] && [ "${first:=$chain}" = "$chain" ] || { echo "$name: $chain, not $first"; return 1; }
  done
}
same_chains() { # same_chains SECONDS NAME... : heights and hashes become equal
  local limit=$1 took
  shift
  took=$(until_true "$limit" equal_chains "$@") || { echo "$took"; return 1; }
  echo "height $(height_of "$1"), equal hashes on $* $took"
}
mark() { # logs are looked at from here on
  local file
  rm -rf "$WORK/marks" && mkdir "$WORK/marks"
  for file in "$LOGS"/*.log; do wc -l < "$file" > "$WORK/marks/${file##*/}"; done
}
log_of() { # log_of NAME: its lines since the mark, without colours
  tail -n +$(($(cat "$WORK/marks/$1.log" 2>/dev/null || echo 0) + 1)) "$LOGS/$1.log" 2>/dev/null | sed 's/\x1b\[[0-9;]*m//g'
}
logged() { log_of "$1" | grep -E -- "$2" > "$WORK/logged"; } # logged NAME PATTERN
all_logged() { # all_logged SECONDS PATTERN NAME...
  local limit=$1 pattern=$2 name took start=$SECONDS
  shift 2
  for name in "$@"; do took=$(until_true "$limit" logged "$name" "$pattern") || { echo "$took"; return 1; }; done
  echo "logs of $* within $((SECONDS - start)) s"
}
total() { http_get "$1" /metrics | awk -v n="$2" 'index($1, n "{") == 1 || $1 == n {sum += $2} END {printf "%d\n", sum}'; } # total HOST:PORT METRIC
discover() { # discover NAME peers|endorsers ARGUMENTS... : service discovery of a Fabric peer
  local name=$1 org=${1##*.} user
  shift
  user=$(user_dir Admin "$org")
  FABRIC_LOGGING_SPEC=error "$FABRIC_BIN/discover" --peerTLSCA "$(peer_dir "$name")/tls/ca.crt" --userKey "$user/msp/keystore/priv_sk" \
    --userCert "$(ls "$user"/msp/signcerts/*)" --tlsCert "$user/tls/client.crt" --tlsKey "$user/tls/client.key" \
    --MSP "Org${org#org}MSP" "$@" --channel $CHANNEL --server "127.0.0.1:$(port_of "$name")" 2>/dev/null
}
discovered() { # discovered NAME ENDPOINT HEIGHT: NAME lists the endpoint with that height and without chaincodes
  discover "$1" peers > "$WORK/discovered.json"
  jq -e --arg e "$2" --argjson h "$3" 'map(select(.Endpoint == $e)) | length == 1 and .[0].LedgerHeight == $h and (.[0].Chaincodes | length) == 0' "$WORK/discovered.json"
}
discovered_by_all() { # discovered_by_all NODE ENDPOINT NAME...
  local node=$1 endpoint=$2 height name
  shift 2
  height=$(height_of "$node")
  for name in "$@"; do until_true 20 discovered "$name" "$endpoint" "$height" || return 1; done
  echo "height $height at $*"
}
not_discovered() { discover "$1" peers | jq -e --arg e "$2" 'length > 0 and (map(select(.Endpoint == $e)) | length == 0)'; }
sees_alive() { # sees_alive NODE NAME... : in the channel, at a known height
  local node=$1 name peers
  shift
  peers=$(gv "$node" peers -c $CHANNEL --json)
  for name in "$@"; do
    jq -e --arg e "127.0.0.1:$(port_of "$name")" '.peers | map(select(.endpoint == $e and .alive and .channels[0].height > 0)) | length == 1' <<< "$peers" > /dev/null ||
      { echo "$node does not see $name"; return 1; }
  done
}
leads() { [ "$(metric "$(ops "$1")" gossip_leader_election_leader)" = 1 ]; }
leaders() { local name found=(); for name in "$@"; do if leads "$name"; then found+=("$name"); fi; done; echo "${found[@]}"; }
one_leader() { [ "$(leaders "$@" | wc -w)" = 1 ]; }
pulls_from() { gv "$1" channel getinfo -c $CHANNEL --json | jq -e --arg e "$2" '.delivery.endpoint == $e'; } # pulls_from NODE ENDPOINT

# WARN and ERRO lines of the Fabric peers' gossip that name a node (by endpoint or PKI-ID), since the mark and not in the
# minute after something was killed, restarted or revoked on purpose. A newcomer's first StateInfo may be passed on to a
# peer before its identity is: not counted for ten seconds after its start, since Fabric's own newcomers cause the same.
complaints() {
  local name patterns='' count
  for name in $(sort -u "$WORK/nodes"); do patterns+="|127.0.0.1:$(port_of "$name")|localhost:$(port_of "$name")|$(cat "$WORK/pki-id.$name" 2>/dev/null || echo none)"; done
  for name in $PEERS; do log_of "$name" | grep -E "(WARN|ERRO).*\[gossip" | grep -E -- "${patterns#|}" | sed "s/^/$name: /"; done |
    TZ=UTC awk -v disturbances="$WORK/disturbances" -v newcomers="$WORK/newcomers" '
      BEGIN {while ((getline line < disturbances) > 0) at[++n] = line; while ((getline line < newcomers) > 0) new[++m] = line}
      {split($2 " " substr($3, 1, 8), t, /[-: ]/); s = mktime(t[1] " " t[2] " " t[3] " " t[4] " " t[5] " " t[6]);
       for (i = 1; i <= n; ++i) if (s >= at[i] - 1 && s <= at[i] + 60) next;
       if (/PKIID wasn.t found$|isn.t valid$/) for (i = 1; i <= m; ++i) if (s >= new[i] && s <= new[i] + 10) next;
       print}' > "$WORK/complaints"
  count=$(wc -l < "$WORK/complaints")
  cut -c1-220 "$WORK/complaints" | head -n 5
  echo "$count lines WARN or ERRO of gossip.* name the node"
  [ "$count" = 0 ]
}
note_identity() { gv "$1" node status --json | jq -r .pkiId > "$WORK/pki-id.$1"; }
