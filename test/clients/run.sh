#!/usr/bin/env bash
# Runs apps built like the vendor's four client snippets straight against the simulator, then through the proxy. Needs Node.js 20.19, and on
# Debian 12 nothing else: what is missing is installed, which takes root. `bash test/clients/run.sh`
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

jars=/usr/share/java/okhttp.jar:/usr/share/java/okio.jar

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

missing=()
command -v curl >/dev/null || missing+=(curl)
# Not any python3 of the PATH: Debian's packages are Debian's Python's alone.
/usr/bin/python3 -c 'import requests' 2>/dev/null || missing+=(python3-requests)
javac -version >/dev/null 2>&1 || missing+=(default-jdk-headless)
[[ -e ${jars%:*} && -e ${jars#*:} ]] || missing+=(libokhttp-java)
if [[ ${#missing[@]} -gt 0 ]]; then
  echo "installing ${missing[*]}"
  apt_get update || echo 'apt-get update failed; going on with the lists that are there' >&2
  apt_get install --no-install-recommends "${missing[@]}"
fi

[[ -d node_modules ]] || npm ci --no-audit --no-fund
# A program older than its source would prove nothing.
if [[ ! -e dist/main.js || -n $(find src -name '*.ts' -newer dist/main.js -print -quit) ]]; then npm run build --silent; fi

classes=$(mktemp -d)
trap 'rm -rf "$classes"' EXIT
javac -d "$classes" -cp "$jars" test/clients/apps/OkHttpApp.java
node --import tsx test/clients/clients.suite.ts "$classes:$jars"
