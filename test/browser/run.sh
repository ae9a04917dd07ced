#!/usr/bin/env bash
# Opens the status page in Debian's Chromium. Needs Node.js 20.19, and on Debian 12 nothing else: what is missing is installed,
# which takes root. `bash test/browser/run.sh [--screenshots]`
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

missing=()
[[ -x /usr/bin/chromium ]] || missing+=(chromium)
# Chinese would be drawn as boxes.
[[ -e /usr/share/fonts/truetype/wqy/wqy-zenhei.ttc ]] || missing+=(fonts-wqy-zenhei)
if [[ ${#missing[@]} -gt 0 ]]; then
  echo "installing ${missing[*]}"
  apt-get -q update || echo 'apt-get update failed; going on with the lists that are there' >&2
  DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "${missing[@]}"
fi

[[ -d node_modules ]] || npm ci --no-audit --no-fund
exec node --import tsx test/browser/browser.suite.ts "$@"
