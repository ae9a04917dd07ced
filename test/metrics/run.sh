#!/usr/bin/env bash
# Holds the metrics against Prometheus itself: its linter, and a server that scrapes the proxy. Needs Node.js 20.19, and on Debian
# 12 nothing else: what is missing is installed, which takes root. `bash test/metrics/run.sh`
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if ! command -v prometheus promtool >/dev/null; then
  echo 'installing prometheus'
  apt-get -q update || echo 'apt-get update failed; going on with the lists that are there' >&2
  # The package would start a server of its own; 101 tells its scripts not to (Debian Policy 9.3.3).
  policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
  fi
  DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends prometheus
fi

[[ -d node_modules ]] || npm ci --no-audit --no-fund
node --import tsx test/metrics/metrics.suite.ts
