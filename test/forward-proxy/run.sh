#!/usr/bin/env bash
# Runs the proxy behind a real forward proxy, tinyproxy. `npm run test:forward-proxy`
source "$(dirname "${BASH_SOURCE[0]}")/../support/suite.sh"

# The program alone, without the service of the package `tinyproxy`.
needs tinyproxy-bin command -v tinyproxy
install_missing
build_program

node --import tsx test/forward-proxy/forward-proxy.suite.ts
