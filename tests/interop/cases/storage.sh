# Kills under load, a torn block file, a full disk (B 14, I).

case_storage() {
  local node=peer2.org1 folder
  # shellcheck disable=SC2086
  set_up $node $STANDBY
  mark
  start_node $node
  note_identity $node
  until_true 60 equal_chains $node peer0.org1 > /dev/null
  all_logged 60 "peers went online.*127.0.0.1:$(port_of $node)" $PEERS > /dev/null
  folder=$(dirname "$(find "$DATA/$node" -name blockfile_000000 | head -n 1)")

  kill_hard $node
  report 14 "killed: the Go peers notice" all_logged 60 "peers went offline.*127.0.0.1:$(port_of $node)" $PEERS
  mark
  start $node
  report 14 "started again: they see it" all_logged 60 "peers went online.*127.0.0.1:$(port_of $node)" $PEERS
  report 68 "with the same PKI-ID, and no complaint about it" same_identity $node

  mark
  kill_hard peer1.org1
  report 14 "a Go peer is killed: the node notices" until_true 60 not sees_alive $node peer1.org1
  restart peer1.org1
  report 14 "started again: the node sees it" until_true 60 sees_alive $node peer1.org1

  report 65 "killed (SIGKILL) ${KILLS:-10} times under load" kills_under_load $node "$folder"
  report 66 "an unfinished record behind the last block: dropped" torn_block $node "$folder"
  report 66 "synced bytes are missing: the node says what to do, and it helps" lost_bytes $node "$folder"
  disturb; stop_one $node
  report "65, 66" "the node's ledger is intact" "$GRAPEVINE" ledger verify "$folder"
  if [ -x "$BIN/ledgerutil" ]; then
    report 67 "ledgerutil verify reads its block files" ledgerutil_verify $node "$folder"
  else
    row 67 "ledgerutil verify reads its block files" "not applicable" "this release has no ledgerutil"
  fi
  if mkdir -p "$WORK/small" && mount -t tmpfs -o size=24m tmpfs "$WORK/small" 2> /dev/null; then
    report 69 "its disk is full: it stops, tells why, and goes on when there is room" full_disk $node
  else
    row 69 "its disk is full" "not checked" "no right to mount a small file system; unit: tests/node, tests/ledger"
  fi
}

same_identity() {
  local before name
  before=$(cat "$WORK/pki-id.$1")
  note_identity "$1"
  [ "$before" = "$(cat "$WORK/pki-id.$1")" ] || { echo "PKI-ID $(cat "$WORK/pki-id.$1"), before $before"; return 1; }
  for name in $PEERS; do not logged "$name" "(WARN|ERRO).*([Ii]dentity|Authentication).*$before" || { head -n 2 "$WORK/logged"; return 1; }; done
  echo "$before"
}
kills_under_load() { # kills_under_load NODE FOLDER
  local i loader heights=() torn=0 before after
  "$ROOM/network/invoke.sh" $((${KILLS:-10} * 40)) -rate 15 -peers "127.0.0.1:$(port_of peer0.org2)" >> "$LOGS/load.log" 2>&1 &
  loader=$!
  for ((i = 0; i < ${KILLS:-10}; i++)); do
    pause "$((RANDOM % 3)).$((RANDOM % 10))"
    before=$(height_of "$1")
    kill_hard "$1"
    start "$1" || return 1
    after=$(height_of "$1")
    [ "${after:-0}" -ge "${before:-0}" ] || { echo "height $before before the kill, $after after it"; return 1; }
    heights+=("$after")
  done
  wait $loader
  echo "heights after the starts: ${heights[*]}"
  same_chains 60 "$1" $PEERS
}
# The node is killed while it writes a record: the beginning of one stands behind the last block.
torn_block() {
  kill_hard "$1"
  head -c 1000 "$2/blockfile_000000" >> "$(ls "$2"/blockfile_* | tail -n 1)"
  mark
  start "$1" || return 1
  log_of "$1" | grep -oE "cut [0-9]+ bytes off the block files" | head -n 1
  load 5 && same_chains 60 "$1" $PEERS
}
# The disk has lost bytes that were synced. Fabric's peer ends with a panic; the node says what to do, and that works.
lost_bytes() {
  disturb; stop_one "$1"
  truncate -s -100 "$(ls "$2"/blockfile_* | tail -n 1)"
  mark
  start "$1" > /dev/null && { echo "starts as if nothing was lost"; return 1; }
  log_of "$1" | grep -o "has [0-9]* bytes, but .*" | head -n 1
  rm -rf "$2"/blockfile_* "$(dirname "$2")/../index"
  start "$1" && join "$1" && until_true 60 equal_chains "$1" $PEERS
}
ledgerutil_verify() {
  local out=$WORK/ledgerutil
  mkdir -p "$out"
  "$BIN/ledgerutil" verify "$DATA/$1" -o "$out" > "$LOGS/ledgerutil.log" 2>&1 || { tail -n 2 "$LOGS/ledgerutil.log"; return 1; }
  grep -h "No error is found" "$LOGS/ledgerutil.log"
}
# A node whose data lie on 24 MB, and a chain that needs more.
full_disk() {
  local frozen
  rm -rf "${DATA:?}/$1"
  # shellcheck disable=SC2086
  set_up "$1" $STANDBY CORE_PEER_FILESYSTEMPATH="$WORK/small"
  ln -s "$WORK/small" "$DATA/$1"
  disturb
  dd if=/dev/zero of="$WORK/small/ballast" bs=1M count=8 status=none
  mark
  start "$1" && join "$1" || return 1
  until_true 60 equal_chains "$1" peer0.org1 > /dev/null || { [ "$(height_of "$1")" -gt 1 ] || return 1; }
  load 12 -size 2000000 -c 3 || return 1
  until_true 60 in_trouble "$1" || return 1
  frozen=$(height_of "$1")
  gv "$1" channel getinfo -c $CHANNEL --json | jq -r .trouble
  discover peer0.org2 peers | jq -e --arg e "127.0.0.1:$(port_of "$1")" 'map(select(.Endpoint == $e)) | length == 0 or .[0].LedgerHeight <= '"$frozen" > /dev/null ||
    { echo "advertises more than its height $frozen"; return 1; }
  mount -o remount,size=400m "$WORK/small"
  rm "$WORK/small/ballast"
  same_chains 90 "$1" peer0.org1
}
in_trouble() { gv "$1" channel getinfo -c $CHANNEL --json | jq -e .trouble; }
