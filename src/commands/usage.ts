/**
 * What `--help` prints: one text for the program and one for each command, with examples that can be pasted.
 */

/** The commands, in the order in which they are told. */
export const COMMANDS = ['serve', 'check', 'healthcheck', 'wait'] as const

/** Name of a command. */
export type CommandName = typeof COMMANDS[number]

const PROGRAM = `Usage: amsu-proxy [command] [options]

A local reverse proxy for AMSU: holds the app credentials, keeps one access token
fresh, and relays /amsu-analysis/ with it.

Commands:
  serve         run the proxy (default)
  check         try the configuration, the network and the credentials, step by step
  healthcheck   ask a running proxy whether it is ready
  wait          wait until it is
  help          show this, or the help of a command

Options:
  --help        show this; after a command, its help
  --version     show the version

Settings come from the environment and from .env in the working directory.
Required: AMSU_CLIENT_ID and AMSU_CLIENT_SECRET, or AMSU_CLIENT_ID_FILE and
AMSU_CLIENT_SECRET_FILE. .env.example documents all of them.

Examples:
  amsu-proxy check                  first of all: is everything right?
  amsu-proxy                        run it
  PORT=0 amsu-proxy                 run it on a free port, which the log names
  amsu-proxy wait && ./start-app    start something once the proxy is ready
`

const BY_COMMAND: Readonly<Record<CommandName, string>> = {
  serve: `Usage: amsu-proxy [serve]

Runs the proxy until SIGTERM or SIGINT. SIGHUP reads secret files, callers and
certificates again. Exit code: 0 after a signal, 1 when it can not start or run,
2 when it is not configured.

Examples:
  amsu-proxy
  AMSU_CLIENT_ID_FILE=/run/secrets/id AMSU_CLIENT_SECRET_FILE=/run/secrets/secret amsu-proxy serve
`,
  check: `Usage: amsu-proxy check [--json]

Tries what the proxy will do, one step after the other: the configuration, the
forward proxy (with AMSU_HTTP_PROXY), DNS, TCP, TLS (with https), a token for the
credentials, both ways of renewing it, and what is left of the quota. Tells of each
step how long it took and what was found, and of one that fails the most likely
cause and what to do. It makes no analysis call, so nothing is charged; it opens no
port, so a running proxy is not disturbed; it prints no secret.
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
Exit code: 0 ready, 1 not, 2 wrong usage. One line says why.

Examples:
  amsu-proxy healthcheck
  HEALTHCHECK CMD ["node", "/app/dist/main.js", "healthcheck"]
`,
  wait: `Usage: amsu-proxy wait [--timeout SECONDS]

Asks /readyz like healthcheck does, again and again, until the proxy is ready.
Exit code: 0 ready, 1 not in time, 2 wrong usage.

Options:
  --timeout SECONDS   how long to wait, 0 to 86400 (default 30)

Examples:
  amsu-proxy wait && ./start-app
  amsu-proxy wait --timeout 120
`,
}

/** The text of `--help`, of the program or of one command. */
export function usage (command?: CommandName): string {
  return command === undefined ? PROGRAM : BY_COMMAND[command]
}
