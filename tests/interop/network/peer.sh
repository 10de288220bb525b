#!/bin/bash
# peer.sh start peerI.orgJ [nojoin] [standby] : start one (more) REAL Fabric peer (FABRIC_NET_IDS says how many identities there are),
#     join it to the channel if need be, wait for its height to reach the others'.
#     nojoin: only the process. standby: it never asks the orderer, so all its blocks come from other peers.
# peer.sh stop|kill peerI.orgJ : stop it with SIGTERM | SIGKILL. down.sh stops it too.
set -euo pipefail; . "$(dirname "$0")/common.sh"
a=${1:-} n=${2:-}; [ -n "$n" ] || die "usage: peer.sh start|stop|kill peerI.orgJ [nojoin] [standby]"
[ -d "$(peer_dir $n)" ] || die "no identity for $n: see FABRIC_NET_IDS"
case $a in
stop) stop_one $n;; kill) stop_one $n -KILL;;
start)
  case " $* " in *" standby "*) LEADER=standby;; esac
  alive $n || { start_peer $n; wait_port 127.0.0.1:$(port_of $n) 30; }
  case " $* " in *" nojoin "*) exit 0;; esac
  SECONDS=0
  as_admin $n channel list 2>/dev/null | grep -qx $CHANNEL || as_admin $n channel join -b "$ART/$CHANNEL.block" >> "$LOGS/cli.log" 2>&1
  r=peer0.org1; [ $n = $r ] && r=peer1.org1; h=$(height $r)
  until [ "$(height $n)" -ge "$h" ] 2>/dev/null; do [ $SECONDS -lt 120 ] || die "$n stays at $(height $n) of $h"; pause 0.3; done
  echo "$n at height $h, ${SECONDS}s after the join";;
*) die "usage: peer.sh start|stop|kill peerI.orgJ [nojoin] [standby]";;
esac
