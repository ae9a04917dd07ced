#!/usr/bin/env bash
# Runs apps built like the vendor's four client snippets straight against the simulator, then through the proxy. `npm run test:clients`
source "$(dirname "${BASH_SOURCE[0]}")/../support/suite.sh"

jars=/usr/share/java/okhttp.jar:/usr/share/java/okio.jar
needs curl command -v curl
# Not any python3 of the PATH: Debian's packages are Debian's Python's alone.
needs python3-requests /usr/bin/python3 -c 'import requests'
needs default-jdk-headless javac -version
needs libokhttp-java ls "${jars%:*}" "${jars#*:}"
install_missing
build_program

classes=$(mktemp -d)
trap 'rm -rf "$classes"' EXIT
javac -d "$classes" -cp "$jars" test/clients/apps/OkHttpApp.java
node --import tsx test/clients/clients.suite.ts "$classes:$jars"
