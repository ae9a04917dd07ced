#!/usr/bin/env bash
# Installs what the benchmark measures and measures with, on Debian and as root: `npm run bench -- --install`.
source "$(dirname "${BASH_SOURCE[0]}")/../support/suite.sh"

missing=(apache2-bin caddy gcc golang-go haproxy libc6-dev nginx util-linux wrk)
install_missing

# Not a dependency of the proxy: it is no longer maintained.
npm install --prefix test/bench/peers --no-package-lock --no-audit --no-fund
