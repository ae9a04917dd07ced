#!/usr/bin/env bash
# Installs what the benchmark measures and measures with, on Debian and as root: `npm run bench -- --install`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# Debian starts a server that it installs. These must not run beside the measurements, nor take port 80.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
apt-get -q update || echo 'apt-get update failed; going on with the lists that are there' >&2
apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends \
  apache2-bin caddy gcc golang-go haproxy libc6-dev nginx util-linux wrk

# Not a dependency of the proxy: nobody mends it any more.
npm install --prefix peers --no-package-lock --no-audit --no-fund
