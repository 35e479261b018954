#!/usr/bin/env bash
# A Docker Swarm on one machine, to try compose/stack.yml: several engines, each in a container.
#
#   compose/swarm-in-containers.sh up [N]    N engines (3): the first manages, the last has the servers
#   compose/swarm-in-containers.sh down      removes them, and all that was in them
#
# An engine in a container is as good as root on this machine: for trying only. It runs this machine's
# own dockerd (all of /usr is lent to it, read-only), so no image of Docker is needed, and it holds its
# containers to the lab's seccomp profile and to no-new-privileges, which a stack cannot say.
# Variables: LAB_SWARM (name), LAB_SWARM_SUBNET, LAB_BASE_IMAGE, LAB_SERVER_IMAGE, LAB_LOCUST_IMAGE.
# Exit codes: 0 · 1 failed, with the reason · 2 usage · 5 this machine cannot hold such a swarm.
set -euo pipefail
name=${LAB_SWARM:-io-lab-swarm}
subnet=${LAB_SWARM_SUBNET:-198.18.32.0/24}
base=${LAB_BASE_IMAGE:-python:3.13-slim}
server=${LAB_SERVER_IMAGE:-io-lab-server} locust=${LAB_LOCUST_IMAGE:-io-lab-locust}
here=$(cd "$(dirname "$0")" && pwd)
mark=org.iolab.swarm=$name
PATIENCE=60 # seconds for an engine to come up; it needs two

die() { echo "swarm-in-containers: $*" >&2; exit 1; }
unfit() { echo "swarm-in-containers: $*" >&2; exit 5; }
ask() { docker exec "$name-$1" docker "${@:2}"; } # ask N COMMAND…: the engine of node N

down() {
  local found
  found=$(docker ps -aq --filter "label=$mark")
  # who leaves ends its containers; then dockerd goes at once, and leaves no control group behind
  for node in $found; do docker exec "$node" docker swarm leave --force & done >/dev/null 2>&1
  wait
  [[ ! $found ]] || { docker stop -t 20 $found; docker rm --force --volumes $found; } >/dev/null
  found=$(docker network ls -q --filter "label=$mark")
  [[ ! $found ]] || docker network rm $found >/dev/null
}

# What an engine's container runs. In version 2 a control group with groups beneath it may hold no
# process, cgroups(7); that part has not been run, for lack of a machine with version 2.
read -r -d '' BEGIN <<'IN' || true
groups=/sys/fs/cgroup
for place in /sys $groups $groups/*; do
  mountpoint -q $place && mount -o remount,bind,rw $place
done
if [ -e $groups/cgroup.controllers ]; then
  mkdir -p $groups/engine
  echo 0 >$groups/engine/cgroup.procs
  sed 's/ / +/g; s/^/+/' $groups/cgroup.controllers >$groups/cgroup.subtree_control
fi
exec dockerd --no-new-privileges --seccomp-profile=/compose/seccomp-io-uring.json \
  --userland-proxy=false --log-level=warn
IN

# Nearly --privileged, which fails where this machine itself has not all capabilities: in some virtual
# ones SYS_RESOURCE is missing.
RIGHTS=(--cap-add ALL --cap-drop SYS_RESOURCE --device-cgroup-rule "a *:* rwm"
  --security-opt seccomp=unconfined --security-opt apparmor=unconfined
  --security-opt systempaths=unconfined)

begin() { # begin N: one engine
  docker run --detach --name "$name-$1" --hostname "$name-$1" --network "$name" "${RIGHTS[@]}" \
    --label org.iolab.project=io-lab --label "$mark" --tmpfs /run:exec --volume /var/lib/docker \
    --volume /usr:/usr:ro --volume /etc/alternatives:/etc/alternatives:ro \
    --volume "$here:/compose:ro" --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin \
    --entrypoint sh "$base" -c "$BEGIN" >/dev/null
}

up() {
  local nodes=$1 node token address
  PATH=$PATH:/usr/sbin type -P dockerd | grep -q ^/usr/ ||
    unfit "this machine has no dockerd beneath /usr to lend"
  docker network create --label org.iolab.project=io-lab --label "$mark" \
    --subnet "$subnet" "$name" >/dev/null
  for node in $(seq "$nodes"); do begin "$node"; done
  docker exec "$name-1" ip link add iolab type vxlan id 4242 dstport 4242 ||
    unfit "this kernel has no vxlan, which an overlay network is made of"
  docker exec "$name-1" ip link del iolab
  for node in $(seq "$nodes"); do
    timeout "$PATIENCE" sh -c "until docker exec $name-$node docker info; do sleep 0.1; done" \
      >/dev/null 2>&1 ||
      die "the engine $name-$node does not come up: $(docker logs --tail 3 "$name-$node" 2>&1)"
  done
  address=$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$name-1")
  ask 1 swarm init --advertise-addr "$address" >/dev/null
  token=$(ask 1 swarm join-token --quiet worker)
  for node in $(seq 2 "$nodes"); do
    ask "$node" swarm join --token "$token" "$address" >/dev/null
  done
  ask 1 node update --label-add iolab=servers "$name-$nodes" >/dev/null
  for node in $(seq "$((nodes - 1))"); do lend "$locust" "$node"; done
  lend "$server" "$nodes"
  ask 1 node ls
  echo "the manager's address is $address; ask it with: docker exec $name-1 docker …"
}

lend() { docker save "$1" | docker exec --interactive "$name-$2" docker load --quiet >/dev/null; }

case ${1:-} in
up)
  [[ ${2:-3} -ge 2 ]] || die "one engine is no swarm: at least 2"
  [[ ! $(docker ps -aq --filter "label=$mark") ]] || die "$name is up already; $0 down removes it"
  trap '[[ $? == 0 ]] || down' EXIT
  up "${2:-3}"
  ;;
down) down ;;
*) echo "usage: $0 up [N] | down" >&2; exit 2 ;;
esac
