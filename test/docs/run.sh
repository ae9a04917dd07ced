#!/usr/bin/env bash
# Runs every command of the documents. `npm run test:docs`
source "$(dirname "${BASH_SOURCE[0]}")/../support/suite.sh"

for program in curl jq openssl; do needs "$program" command -v "$program"; done
# Debian keeps it where not every PATH looks.
needs nginx-light env "PATH=$PATH:/usr/sbin" nginx -v
install_missing
build_program

npx tap --disable-coverage --timeout=120 test/docs/commands.suite.ts
