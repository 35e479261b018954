#!/usr/bin/env bash
# Run a command in the network of a swarm's Locust master: there servers are known by their names, and
# the page is at 127.0.0.1. As root, on the node where the master is; files stay this machine's own.
#
#   sudo compose/beside-master.sh .venv/bin/lab run idle-epoll --backend attach \
#     --locust http://127.0.0.1:8089 --server epoll=epoll --server select=select
#
# Variables: LAB_STACK (the stack's name), LAB_SWARM (a swarm of compose/swarm-in-containers.sh).
# Exit codes: the command's · 1 no master here, or no right to enter · 2 usage.
set -euo pipefail
die() { echo "beside-master: $*" >&2; exit 1; }
[[ $# -gt 0 ]] || { echo "usage: $0 COMMAND…" >&2; exit 2; }

engine=() root=
if [[ ${LAB_SWARM:-} ]]; then
  engine=(docker exec "$LAB_SWARM-1")
  root=/proc/$(docker inspect --format '{{.State.Pid}}' "$LAB_SWARM-1")/root
fi
service=${LAB_STACK:-io-lab}_master
master=$("${engine[@]}" docker ps -q --filter "label=com.docker.swarm.service.name=$service")
[[ $master ]] || die "$service does not run on this node: docker service ps $service tells where"
network=$root$("${engine[@]}" docker inspect --format '{{.NetworkSettings.SandboxKey}}' "$master")
[[ -r $network ]] || die "the master's network cannot be entered: that takes root"

names=$(mktemp)
trap 'rm -f "$names"' EXIT
"${engine[@]}" docker exec "$master" cat /etc/resolv.conf >"$names"
nsenter --net="$network" unshare --mount sh -c \
  'mount --bind "$0" /etc/resolv.conf && exec "$@"' "$names" "$@"
