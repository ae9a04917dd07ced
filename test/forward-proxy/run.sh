#!/usr/bin/env bash
# Runs the proxy behind a real forward proxy, tinyproxy. Needs Node.js 20.19, and on Debian 12 nothing else: tinyproxy is installed if it
# is missing, which takes root. `npm run test:forward-proxy`
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# apt waits for dpkg's lock if told to, but not for the locks of its lists and its cache.
apt_get() {
  local deadline=$((SECONDS + 300)) said
  until said=$(LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@" 2>&1); do
    if [[ $said != *'Could not get lock'* || $SECONDS -ge $deadline ]]; then
      echo "$said" >&2
      return 1
    fi
    sleep 2
  done
}

# The program alone: the package `tinyproxy` would start a service.
if ! command -v tinyproxy >/dev/null; then
  echo 'installing tinyproxy-bin'
  apt_get update || echo 'apt-get update failed; going on with the lists that are there' >&2
  apt_get install --no-install-recommends tinyproxy-bin
fi

[[ -d node_modules ]] || npm ci --no-audit --no-fund
# A program older than its source would prove nothing.
if [[ ! -e dist/main.js || -n $(find src -name '*.ts' -newer dist/main.js -print -quit) ]]; then npm run build --silent; fi

node --import tsx test/forward-proxy/forward-proxy.suite.ts
