#!/usr/bin/env bash
# Runs what clients must see: apps built like the vendor's client snippets straight against the simulator, then through the proxy; the vendor's
# samples as they are printed; and each client against each way in which a POST can fail. `npm run test:clients [-- --verbose]`; NODE_BIN runs
# the proxy under another Node.js.
source "$(dirname "${BASH_SOURCE[0]}")/../support/suite.sh"

jars=/usr/share/java/okhttp.jar:/usr/share/java/okio.jar
needs curl command -v curl
needs wget command -v wget
# Not any python3 of the PATH: Debian's packages are Debian's Python's alone.
needs python3-requests /usr/bin/python3 -c 'import requests'
needs python3-urllib3 /usr/bin/python3 -c 'import urllib3'
needs default-jdk-headless javac -version
needs libokhttp-java ls "${jars%:*}" "${jars#*:}"
needs clang command -v clang
needs gobjc sh -c 'gcc -print-prog-name=cc1obj | grep /'
needs libblocksruntime-dev ls /usr/include/Block.h
needs libgnustep-base-dev ls /usr/include/GNUstep/Foundation/Foundation.h
needs gnustep-make command -v gnustep-config
install_missing
build_program

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
step 'apps'
javac -d "$scratch" -cp "$jars" test/clients/apps/OkHttpApp.java test/clients/faults/drivers/JavaClients.java
bash test/clients/gnustep/compile.sh test/clients/apps/NSURLSessionApp.m "$scratch/nsurlsession-app"
status=0
node --import tsx test/clients/clients.suite.ts "$scratch:$jars" "$scratch/nsurlsession-app" || status=1
step 'samples'
node --import tsx test/clients/samples.suite.ts "$jars" "$scratch" || status=1
step 'ways to fail'
node --import tsx test/clients/faults/faults.suite.ts "$scratch:$jars" "$@" || status=1
exit "$status"
