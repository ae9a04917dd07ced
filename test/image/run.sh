#!/usr/bin/env bash
# Builds the image and runs it as strictly as it will be run: no write, no privilege, no shell. Takes root, and the base image, here or
# from a registry. `npm run test:image`
source "$(dirname "${BASH_SOURCE[0]}")/../support/suite.sh"

image=localhost/amsu-proxy:suite
base=docker.io/library/node:26-bookworm-slim
most_bytes=200000000
most_ready_ms=5000

now_ms() { date +%s%3N; }

for program in buildah podman runc; do needs "$program" command -v "$program"; done
install_missing
podman image exists "$base" || podman pull -q "$base" >/dev/null || fail "$base is not here, and no registry has it"

scratch=$(mktemp -d)
containers=()
# shellcheck disable=SC2317  # called by the trap
end() {
  for name in "${containers[@]}"; do podman rm -f -i -t 0 "$name" >/dev/null 2>&1 || true; done
  [[ -z ${simulator_pid:-} ]] || kill "$simulator_pid" 2>/dev/null || true
  rm -rf "$scratch"
}
trap end EXIT

# A container in the network of this machine, which sees the simulator on loopback; everything else as in docker/compose.yaml.
run() { podman --runtime runc run --network host --no-healthcheck --ulimit nofile=1024:4096 --ulimit nproc=1024:4096 --read-only --read-only-tmpfs=false --cap-drop all \
  --security-opt no-new-privileges "$@"; }

step 'it builds'
# Where npm has settings or this machine trusts further authorities, the build may need them; neither stays in the image. The settings
# are npm's global ones in there: they hold for whichever user builds.
mounts=()
settings=$(npm config get userconfig 2>/dev/null)
authorities=/etc/ssl/certs/ca-certificates.crt
if [[ -e $settings && -e $authorities ]]; then
  { cat "$settings"; echo; echo "cafile=$authorities"; } >"$scratch/npmrc"
  chmod 644 "$scratch/npmrc"
  mounts=(-v "$scratch/npmrc:/usr/local/etc/npmrc:ro" -v "$authorities:$authorities:ro")
fi
# The format of Docker, because OCI's has no health check.
BUILDAH_ISOLATION=chroot buildah bud --format docker --pull-never --layers "${mounts[@]}" -t "$image" . >"$scratch/build" 2>&1 || { tail -n 30 "$scratch/build"; fail 'the build'; }
about() { podman image inspect --format "$1" "$image"; }
bytes=$(about '{{.Size}}')
echo "$((bytes / 1000000)) MB"
((bytes < most_bytes)) || fail "more than $((most_bytes / 1000000)) MB"

step 'it says what it is, who it runs as and how it is asked'
[[ $(about '{{.Config.User}}') == 1000:1000 ]] || fail 'the user'
[[ $(about '{{index .Config.Labels "org.opencontainers.image.title"}}') == amsu-proxy ]] || fail 'the labels'
[[ $(about '{{json .Config.Healthcheck.Test}}') == '["CMD","node","/app/dist/main.js","healthcheck"]' ]] || fail 'the health check'
[[ $(run --rm "$image" --version) == "$(node -p 'require("./package.json").version')" ]] || fail 'the version'

step 'it has a list of what is in it, nothing to run but Node.js, and nothing it may write'
# shellcheck disable=SC2016  # the program is JavaScript
run --rm --entrypoint node "$image" -e '
  const { bomFormat, components } = JSON.parse(fs.readFileSync("/app/sbom.cdx.json"))
  const has = name => components.some(component => component.name === name)
  assert.ok(bomFormat === "CycloneDX" && has("fastify") && !has("tap"))
  assert.deepEqual(fs.readdirSync("/usr/local/bin"), ["node"])
  for (const folder of ["/bin", "/usr/bin", "/sbin"]) assert.ok(!fs.existsSync(folder), folder)
  assert.equal(process.getuid(), 1000)
  for (const folder of ["/app", "/etc", "/"]) assert.throws(() => fs.writeFileSync(`${folder}/x`, ""), folder)
' || fail 'the content'
if run --rm --entrypoint /bin/sh "$image" -c true 2>/dev/null; then fail 'there is a shell'; fi

step 'beyond loopback it does not start without callers'
code=0
run --rm -e AMSU_CLIENT_ID=x -e AMSU_CLIENT_SECRET=y "$image" >"$scratch/refused" 2>&1 || code=$?
if [[ $code -ne 2 ]] || ! grep -q CALLERS "$scratch/refused"; then fail "it ended with $code"; fi

step 'it accepts, gets a token and relays'
SIMULATOR_PORT=0 node --import tsx test/simulator/main.ts >"$scratch/simulator" & simulator_pid=$!
simulator() { grep -oE 'http://[0-9.:]+' "$scratch/simulator"; }
until_ok simulator >/dev/null
proxy=amsu-proxy-suite-$$
containers+=("$proxy")
port=$(node -e 'const server = net.createServer().listen(0, "127.0.0.1", () => { console.log(server.address().port); server.close() })')
accepts() { (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
# How long the engine itself takes for a program that does nothing.
before=$(now_ms)
run --rm --entrypoint node "$image" -e 0
echo "the engine and node -e 0: $(($(now_ms) - before)) ms"
before=$(now_ms)
# In the background: the engine goes on for a while when the program runs already.
run -d --name "$proxy" -e HOST=127.0.0.1 -e "PORT=$port" -e "AMSU_BASE_URL=$(simulator)" -e AMSU_CLIENT_ID=demo-app-key-0123456789 \
  -e AMSU_CLIENT_SECRET=demo-app-secret-0123456789abcdef "$image" >/dev/null & engine_pid=$!
until accepts; do
  (($(now_ms) - before < most_ready_ms)) || fail "it does not accept within $most_ready_ms ms"
  sleep 0.002
done
accepted=$(($(now_ms) - before))
curl -fs "http://127.0.0.1:$port/amsu-analysis/v2/available-times" >"$scratch/times" || fail 'the call'
echo "accepts $accepted ms after the engine was asked, the first relayed response is there after $(($(now_ms) - before)) ms"
grep -q arrhythmia_analysis "$scratch/times" || fail 'the response'
wait "$engine_pid"
[[ $(stat -c %u "/proc/$(podman inspect --format '{{.State.Pid}}' "$proxy")") == 1000 ]] || fail 'it runs as another user'
podman exec -e "PORT=$port" "$proxy" node /app/dist/main.js healthcheck || fail 'its own health check'

step 'it stops within the time Docker gives, and says that all was well'
before=$(now_ms)
podman stop -t 10 "$proxy" >/dev/null
[[ $(podman inspect --format '{{.State.ExitCode}}' "$proxy") == 0 ]] || fail 'the exit code'
echo "stopped in $(($(now_ms) - before)) ms"
printf '\nall passed\n'
