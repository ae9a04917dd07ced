#!/usr/bin/env bash
# Runs every command of the documents. Needs Node.js 20.19, and on Debian 12 nothing else: what is missing is installed, which takes
# root. `npm run test:docs`
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

missing=()
command -v curl >/dev/null || missing+=(curl)
command -v jq >/dev/null || missing+=(jq)
command -v openssl >/dev/null || missing+=(openssl)
[[ -x /usr/sbin/nginx ]] || command -v nginx >/dev/null || missing+=(nginx-light)
if [[ ${#missing[@]} -gt 0 ]]; then
  echo "installing ${missing[*]}"
  apt-get -qq update || echo 'apt-get update failed; going on with the lists that are there' >&2
  DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "${missing[@]}" >/dev/null
fi

[[ -d node_modules ]] || npm ci --no-audit --no-fund
# A program older than its source would prove nothing.
if [[ ! -e dist/main.js || -n $(find src -name '*.ts' -newer dist/main.js -print -quit) ]]; then npm run build --silent; fi

npx tap --disable-coverage --timeout=120 test/docs/commands.suite.ts
