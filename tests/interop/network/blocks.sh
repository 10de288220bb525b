#!/bin/bash
# blocks.sh N: N blocks without chaincode, each a config update (the orderer group's BatchTimeout goes 500ms, 501ms, 500ms, …).
# Waits until all peers have them; prints the height. About 3 a second.
set -euo pipefail; . "$(dirname "$0")/common.sh"; need jq; need_bin configtxlator peer
n=${1:?usage: blocks.sh N}; w=$(mktemp -d); trap 'rm -rf "$w"' EXIT; X="$BIN/configtxlator"
fetch_config $w/b
$X proto_decode --type common.Block --input $w/b > $w/b.json
h=$(height peer0.org1)
read -r gv v mod t < <(jq -r '.data.data[0].payload.data.config.channel_group.groups.Orderer | "\(.version // 0) \(.values.BatchTimeout.version // 0) \(.values.BatchTimeout.mod_policy) \(.values.BatchTimeout.value.timeout)"' $w/b.json)
for ((i=0; i<n; i++)); do
  if [ "$t" = 500ms ]; then t=501ms; else t=500ms; fi; v=$((v+1))
  jq -nc --arg c $CHANNEL --arg t $t --arg m "$mod" --argjson gv $gv --argjson v $v '{payload:{header:{channel_header:{channel_id:$c,type:2}},data:{config_update:{channel_id:$c,
    read_set:{groups:{Orderer:{version:$gv}}}, write_set:{groups:{Orderer:{version:$gv,values:{BatchTimeout:{version:$v,mod_policy:$m,value:{timeout:$t}}}}}}}}}}' > $w/env.json
  $X proto_encode --type common.Envelope --input $w/env.json --output $w/env.pb
  for ((try=1; ; try++)); do   # the update is refused until the one before it is written
    if as_org orderer channel update -f $w/env.pb -c $CHANNEL $(ord_flags orderer) >$w/out 2>&1; then break; fi
    [ $try -lt 40 ] || { tail -2 $w/out >&2; exit 1; }; pause 0.1
  done
done
wait_heights $((h+n))
