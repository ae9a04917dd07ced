# `docker build .` makes the proxy, `docker build --target simulator .` the AMSU simulator of docker/compose.demo.yaml. The last
# stage is the default one and holds the proxy alone.

# Debian rather than Alpine: Node.js is tested and released for glibc; musl builds are unofficial. Node 26 has security support
# until 2029. No digest here, so that a rebuild includes the base's fixes; pin one if you need the same bytes twice.
FROM node:26-bookworm-slim AS base
WORKDIR /app

# The lock file alone decides what is installed, and no package may run a script while it is. A stage of its own, so that a change
# in src/ downloads nothing again, and npm's cache stays behind in it.
FROM base AS development
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM development AS build
COPY tsconfig.json esbuild.config.ts ./
COPY src ./src
# The source maps hold the whole source, for debuggers; nobody debugs in here.
RUN npm run build && find dist -name '*.map' -delete
# The list of what is in it, for questions to an image months later.
RUN npm sbom --package-lock-only --sbom-format cyclonedx --sbom-type application --omit dev >sbom.cdx.json

# `npm run simulator` without npm and tsx: this Node.js runs TypeScript itself, and SIGTERM reaches the simulator with nothing in between.
FROM development AS simulator
COPY test/simulator ./test/simulator
# A checkout under umask 077 must not create files that the user below cannot read.
RUN chmod -R a+rX package.json test
ENV SIMULATOR_HOST=0.0.0.0
USER 1000:1000
EXPOSE 9090
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "/app/test/simulator/main.ts"]

# What Node.js needs to run and no more: its binary, the libraries it loads, and how names are looked up. The records of Debian's packages
# go along in the form image scanners look for, so that they know which glibc is in here, and so do the licences.
FROM base AS runtime
RUN set -eu; \
    for file in "$(command -v node)" $(ldd "$(command -v node)" | grep -o '/[^ ]*'); do install -D "$file" "/runtime$file"; done; \
    install -D -m 644 /etc/os-release /runtime/etc/os-release; \
    printf 'hosts: files dns\n' >/runtime/etc/nsswitch.conf; \
    printf 'node:x:1000:1000::/app:\n' >/runtime/etc/passwd; \
    printf 'node:x:1000:\n' >/runtime/etc/group; \
    mkdir -p /runtime/var/lib/dpkg/status.d; \
    for package in $(ldd "$(command -v node)" | grep -o '/[^ ]*' | sed 's#.*/#*/#' | xargs dpkg-query --search | cut -d: -f1 | sort -u); do \
      dpkg-query --status "$package" >"/runtime/var/lib/dpkg/status.d/$package"; \
      install -D -m 644 "/usr/share/doc/$package/copyright" "/runtime/usr/share/doc/$package/copyright"; \
    done

# Without a shell, a package manager or any other program, an intruder finds nothing to run, and there is nothing to update but
# Node.js and what it loads (docs/internals/decisions/0008-image.md).
FROM scratch AS production
LABEL org.opencontainers.image.title="amsu-proxy" \
      org.opencontainers.image.description="A local reverse proxy that holds the AMSU app credentials, keeps one access token fresh, and relays with it" \
      org.opencontainers.image.licenses="MIT"
COPY --from=runtime /runtime /
WORKDIR /app
# The build needs no node_modules. Everything belongs to root, so the proxy cannot change itself.
COPY --from=build --chmod=0644 /app/sbom.cdx.json ./
COPY --chmod=0644 package.json LICENSE ./
COPY --from=build /app/dist ./dist
# Nobody outside a container reaches its loopback, so this listens everywhere; a sidecar in the same pod sets HOST=127.0.0.1.
ENV PATH=/usr/local/bin NODE_ENV=production HOST=0.0.0.0
# By number: Kubernetes' runAsNonRoot cannot check a name.
USER 1000:1000
# The program loads, as this user and from these files, or there is no image.
RUN ["node", "/app/dist/main.js", "--version"]
EXPOSE 8080
STOPSIGNAL SIGTERM
# Ready means that a token is held. Compose and Docker show it; Kubernetes has probes of its own.
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s --retries=3 CMD ["node", "/app/dist/main.js", "healthcheck"]
# No shell and no init: the proxy is PID 1, handles SIGTERM and SIGINT itself and has no children to reap. SIGUSR1 would open
# Node's debugger to everybody who may signal the process, and the debugger reads the token.
# Memory: V8 takes 256 MB for its heap at least, whatever the container's limit; in 64 MB the kernel ends it first. A share of the
# limit adapts to every box, and the young generation is kept small, at the price of some CPU under load
# (docs/internals/decisions/0010-hot-path.md). No memory is released when it is quiet: that would be 7 to 15 MB, and the code compiled for requests
# would be lost with it (0012-latency.md). Arguments, not NODE_OPTIONS: setting that variable for another reason would remove them.
ENTRYPOINT ["node", "--disable-sigusr1", "--max-semi-space-size=2", "--max-old-space-size-percentage=30", "--no-memory-reducer", "/app/dist/main.js"]
CMD ["serve"]
