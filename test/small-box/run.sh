#!/usr/bin/env bash
# The program in a box of 64 MB and half a processor, with nothing it can write to, under uploads: `npm run test:small-box`.
# The box is a control group of this machine (root needed), not a container, so that no container engine is.
# NODE_IN_BOX is the Node.js to run, by default the one of this shell; the image ships 26.
source "$(dirname "${BASH_SOURCE[0]}")/../support/suite.sh"

[ "$(id -u)" = 0 ] || fail 'needs root to make a control group'
node=$(command -v "${NODE_IN_BOX:-node}") || fail 'there is no such Node.js'
# What the image starts it with is what is tried here.
mapfile -t flags < <(sed -n 's/^ENTRYPOINT \["node", \(.*\), "\/app\/dist\/main.js"\]$/\1/p' Dockerfile | tr -d '", ' | sed 's/--/\n--/g' | sed '/^$/d')
[ "${#flags[@]}" -gt 0 ] || fail 'the flags are not to be found in the Dockerfile'
"$node" "${flags[@]}" --version >/dev/null 2>&1 || fail "$("$node" --version) does not know ${flags[*]}; set NODE_IN_BOX to the Node.js of the image"
install_missing
build_program

name=amsu-proxy-small-box-$$
if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
  boxes=(/sys/fs/cgroup/$name)
  mkdir "${boxes[0]}" || fail 'no control group can be made here'
  echo 64M >"${boxes[0]}/memory.max" && echo '50000 100000' >"${boxes[0]}/cpu.max" || fail 'memory and cpu are not delegated here'
else
  boxes=(/sys/fs/cgroup/memory/$name /sys/fs/cgroup/cpu/$name)
  mkdir "${boxes[@]}" || fail 'no control group can be made here'
  echo $((64 << 20)) >"${boxes[0]}/memory.limit_in_bytes"
  echo 50000 >"${boxes[1]}/cpu.cfs_quota_us"
fi
trap 'rmdir "${boxes[@]}"' EXIT
SMALL_BOXES="${boxes[*]}" SMALL_BOX_COMMAND="$node ${flags[*]} $PWD/dist/main.js" node --import tsx test/small-box/main.ts
