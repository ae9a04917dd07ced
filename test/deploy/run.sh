#!/usr/bin/env bash
# Holds what operators are given against the programs they give it to: systemd, promtool, kubectl. `npm run test:deploy`
source "$(dirname "${BASH_SOURCE[0]}")/../support/suite.sh"

# systemd's measure of what a service may do, in tenths: 0 nothing, 100 all. The network makes up most of the rest.
most_exposure=15

needs systemd command -v systemd-analyze
needs prometheus command -v promtool
needs kubernetes-client command -v kubectl
needs strace command -v strace
install_missing
build_program

scratch=$(mktemp -d)
started=()
# shellcheck disable=SC2317,SC2046  # called by the trap; each child is a word
end() {
  # Children first: strace lets go of what it watches when it is ended.
  for pid in "${started[@]}"; do kill $(pgrep -P "$pid") "$pid" 2>/dev/null || true; done
  rm -rf "$scratch"
}
trap end EXIT

step 'systemd: the unit is valid'
# systemd wants the program to exist, so Node.js is where it is on this machine. Any word of complaint fails, not only errors.
unit=$scratch/amsu-proxy.service
sed "s#/usr/bin/node#$(command -v node)#" docker/systemd/amsu-proxy.service >"$unit"
complaints=$(systemd-analyze verify --man=no --recursive-errors=no "$unit" 2>&1) || { echo "$complaints"; exit 1; }
if grep -F amsu-proxy.service <<<"$complaints"; then exit 1; fi
echo valid

step "systemd: the exposure of the service is at most $most_exposure of 100"
systemd-analyze security --offline=true --no-pager --threshold="$most_exposure" "$unit" | tail -n 1

step 'systemd: the proxy calls nothing of the kernel that the unit forbids'
SIMULATOR_PORT=0 node --import tsx test/simulator/main.ts >"$scratch/simulator" & started+=($!)
simulator() { grep -oE 'http://[0-9.:]+' "$scratch/simulator"; }
until_ok simulator >/dev/null
strace -f -qq -o "$scratch/calls" env -i PATH="$PATH" PORT=0 AMSU_BASE_URL="$(simulator)" AMSU_CLIENT_ID=demo-app-key-0123456789 \
  AMSU_CLIENT_SECRET=demo-app-secret-0123456789abcdef node dist/main.js serve >"$scratch/log" & started+=($!)
address() { sed -nE 's/.*"address":"([^"]+)".*/\1/p' "$scratch/log" | head -n 1; }
relays() { [[ -n $(address) ]] && curl -fs "$(address)/amsu-analysis/v2/available-times" | grep -q arrhythmia_analysis; }
until_ok relays
kill -TERM "$(pgrep -P "${started[1]}")"
wait "${started[1]}" || { echo "the proxy ended with $?"; exit 1; }
expand() { systemd-analyze syscall-filter "$1" | sed -nE 's/^ {4}([a-z@].*)/\1/p' | while read -r name; do if [[ $name == @* ]]; then expand "$name"; else echo "$name"; fi; done; }
comm -23 <({ expand @system-service; expand @pkey; } | sort -u) <({ expand @privileged; expand @resources; } | sort -u) >"$scratch/allowed"
# A call that fails even where it is allowed may fail here as well.
sed -nE '/ = -1 /d; s/^[0-9]+ +([a-z_0-9]+)\(.*/\1/p' "$scratch/calls" | sort -u >"$scratch/made"
[[ $(wc -l <"$scratch/made") -gt 40 ]] || { echo 'strace saw too little'; exit 1; }
forbidden=$(comm -23 "$scratch/made" "$scratch/allowed")
[[ -z $forbidden ]] || { echo "forbidden: $forbidden"; exit 1; }
echo "$(wc -l <"$scratch/made") kinds of calls, all allowed"

step 'Prometheus: configuration and alerts are valid, and the alerts fire when they should'
sed "s#/etc/prometheus/#$PWD/docker/monitoring/#" docker/monitoring/prometheus.yaml >"$scratch/prometheus.yaml"
promtool check config "$scratch/prometheus.yaml"
promtool test rules docker/monitoring/alerts.test.yaml

step 'Kubernetes: kustomize builds what is in the folder'
kubectl kustomize docker/kubernetes/shared >"$scratch/built.yaml"
grep -c '^kind:' "$scratch/built.yaml" | grep -Fx "$(find docker/kubernetes/shared -name '*.yaml' ! -name kustomization.yaml | wc -l)" >/dev/null
[[ $(grep -c '^  namespace: amsu$' "$scratch/built.yaml") -eq $(grep -c '^kind:' "$scratch/built.yaml") ]]
kubectl version --client 2>/dev/null | head -n 1
printf '\nall passed\n'
