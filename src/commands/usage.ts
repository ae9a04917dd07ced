/**
 * Help texts that `--help` prints: one for the program and one for each command, with examples that can be pasted.
 */

/** The commands, in the order of the help text. */
export const COMMANDS = ['serve', 'check', 'healthcheck', 'wait'] as const

/** Name of a command. */
export type CommandName = typeof COMMANDS[number]

const PROGRAM = `Usage: amsu-proxy [command] [options]

A local reverse proxy for AMSU: holds the app credentials, keeps one access token
fresh, and relays /amsu-analysis/ with it.

Commands:
  serve         run the proxy (default)
  check         test the configuration, the network and the credentials, step by step
  healthcheck   ask a running proxy whether it is ready
  wait          wait until a proxy is ready
  help          show this help, or the help of a command

Options:
  --help        show this help; after a command, its help
  --version     show the version

Settings come from the environment and from .env in the working directory.
Required: AMSU_CLIENT_ID and AMSU_CLIENT_SECRET, or AMSU_CLIENT_ID_FILE and
AMSU_CLIENT_SECRET_FILE. .env.example documents all of them.

Examples:
  amsu-proxy check                  check the setup first
  amsu-proxy                        run the proxy
  PORT=0 amsu-proxy                 run it on a free port, which the log names
  amsu-proxy wait && ./start-app    start an app once the proxy is ready
`

const BY_COMMAND: Readonly<Record<CommandName, string>> = {
  serve: `Usage: amsu-proxy [serve]

Runs the proxy until SIGTERM or SIGINT. SIGHUP reads secret files, callers and
certificates again. Exit code: 0 after a signal, 1 if it cannot start or run,
2 if it is not configured.

Examples:
  amsu-proxy
  AMSU_CLIENT_ID_FILE=/run/secrets/id AMSU_CLIENT_SECRET_FILE=/run/secrets/secret amsu-proxy serve
`,
  check: `Usage: amsu-proxy check [--json]

Tests step by step what the proxy will do: the configuration, the forward proxy
(with AMSU_HTTP_PROXY), DNS, TCP, TLS (with https), a token for the credentials,
both calls that refresh it, and the quota. Prints the result and the duration of each
step; for a step that fails, also the most likely cause and what to do. It makes no
analysis call, so nothing is charged. It opens no port, so a running proxy is not
disturbed. It prints no secret.
Exit code: 0 all good, 1 a step failed, 2 not configured or wrong usage.

Options:
  --json        one JSON object: ok, durationMs, and steps with name, status (ok,
                note, failed, not_tried), durationMs, found, cause, advice and data

Examples:
  amsu-proxy check
  amsu-proxy check --json | jq '.steps[] | select(.status == "failed")'
  docker run --rm --env-file .env amsu-proxy check
`,
  healthcheck: `Usage: amsu-proxy healthcheck

Asks the running proxy's /readyz at the address the settings name: UNIX_SOCKET, or
HOST and PORT, or ADMIN_HOST and ADMIN_PORT. Needs no credentials and no curl.
Prints one line with the reason. Exit code: 0 ready, 1 not ready, 2 wrong usage.

Examples:
  amsu-proxy healthcheck
  HEALTHCHECK CMD ["node", "/app/dist/main.js", "healthcheck"]
`,
  wait: `Usage: amsu-proxy wait [--timeout SECONDS]

Asks /readyz repeatedly, as healthcheck does, until the proxy is ready.
Exit code: 0 ready, 1 not ready in time, 2 wrong usage.

Options:
  --timeout SECONDS   how long to wait, 0 to 86400 (default 30)

Examples:
  amsu-proxy wait && ./start-app
  amsu-proxy wait --timeout 120
`,
}

/** The help text of the program or of one command. */
export function usage (command?: CommandName): string {
  return command === undefined ? PROGRAM : BY_COMMAND[command]
}
