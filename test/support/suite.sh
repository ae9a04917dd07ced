# shellcheck shell=bash
# What the run.sh of the suites have in common; each sources it first. From then on a command that fails ends the suite, and the folder
# is the project's. On Debian and as root a suite needs nothing but Node.js: it says what else it uses, and what is missing is installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# The packages to install.
missing=()

step() { printf '\n== %s\n' "$*"; }
fail() { echo "failed: $*" >&2; exit 1; }

# needs PACKAGE COMMAND...: the package is missing if the command fails.
needs() {
  local package=$1
  shift
  "$@" >/dev/null 2>&1 || missing+=("$package")
}

# Installs the packages that are missing, and what the project depends on.
install_missing() {
  if [[ ${#missing[@]} -gt 0 ]]; then
    echo "installing ${missing[*]}"
    install_packages "${missing[@]}" || fail "not to be had here: ${missing[*]}"
  fi
  [[ -d node_modules ]] || npm ci --no-audit --no-fund
}

# In a subshell, so that a suite can set a trap of its own.
install_packages() (
  [[ $(id -u) == 0 ]] || { echo 'only root can install packages' >&2; exit 1; }
  # Debian starts a service that it installs, which would take a port; 101 tells it not to (Debian Policy 9.3.3).
  policy=/usr/sbin/policy-rc.d
  if [[ ! -e $policy ]]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  apt_get update || echo 'apt-get update failed; going on with the lists that are there' >&2
  apt_get install --no-install-recommends "$@"
)

# apt waits for dpkg's lock if told to, but not for the locks of its lists and its cache. What it says is shown if it fails.
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

# Builds the program if it is older than its source, so that no old build is tested.
build_program() {
  if [[ ! -e dist/main.js || -n $(find src esbuild.config.ts package.json -type f -newer dist/main.js -print -quit) ]]; then npm run build --silent; fi
}

# Runs the command until it succeeds, for 30 s at most.
until_ok() {
  local deadline=$((SECONDS + 30))
  until "$@"; do
    ((SECONDS < deadline)) || fail "in vain: $*"
    sleep 0.05
  done
}
