#!/usr/bin/env bash
# Holds the metrics against Prometheus itself: its linter, and a server that scrapes the proxy. `npm run test:metrics`
source "$(dirname "${BASH_SOURCE[0]}")/../support/suite.sh"

needs prometheus which prometheus promtool
install_missing

node --import tsx test/metrics/metrics.suite.ts
