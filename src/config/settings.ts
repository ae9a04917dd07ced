/**
 * Every setting there is, in one table: the schema it is checked against, and the words that describe it in `.env.example`, the
 * README and an error message. A test holds those texts against this table, so that they can not drift.
 */

/** One setting of the environment. */
export interface Setting {
  readonly type: 'string' | 'integer' | 'boolean'
  /** Used when the variable is unset or empty; a setting without one may stay unset. */
  readonly default?: string | number | boolean
  readonly minimum?: number
  readonly maximum?: number
  readonly values?: readonly string[]
  /** The value itself is a secret; it is taken out of the environment once it is read. */
  readonly isSecret?: true
  /** The end of the sentence `NAME must be …`. */
  readonly rule: string
  /** What it means, as one or more sentences for people. */
  readonly meaning: string
}

/** Largest delay Node's timers take; more would fire at once. */
const MAX_DELAY_MS = 2_147_483_647

function milliseconds (defaultMs: number, minimum: number, meaning: string): Setting {
  return { type: 'integer', default: defaultMs, minimum, maximum: MAX_DELAY_MS, rule: `a whole number of milliseconds from ${minimum} to ${MAX_DELAY_MS}`, meaning }
}

function path (meaning: string): Setting {
  return { type: 'string', rule: 'the path of a readable file that is not empty', meaning }
}

/** The settings by name, in the order in which they are documented. */
export const settings = {
  AMSU_CLIENT_ID: { type: 'string', isSecret: true, rule: 'given, or AMSU_CLIENT_ID_FILE, but not both', meaning: 'The app_key AMSU issued.' },
  AMSU_CLIENT_ID_FILE: path('Path of a file that holds the app_key instead (Docker and Kubernetes secrets). A trailing newline is dropped.'),
  AMSU_CLIENT_SECRET: { type: 'string', isSecret: true, rule: 'given, or AMSU_CLIENT_SECRET_FILE, but not both', meaning: 'The app_secret AMSU issued.' },
  AMSU_CLIENT_SECRET_FILE: path('Path of a file that holds the app_secret instead; both files are read again when they change.'),
  AMSU_BASE_URL: { type: 'string', default: 'http://api.amsu-new.com', rule: 'an http or https origin without path, query or password', meaning: 'Origin of AMSU. Plain http to a host that is not loopback is warned about at start: AMSU documents no https address.' },
  AMSU_CA_FILE: { type: 'string', rule: 'the path of a readable file of PEM certificates', meaning: 'Further certificate authorities for https to AMSU, as PEM; read again when they change. Verification can not be switched off.' },
  AMSU_HTTP_PROXY: { type: 'string', isSecret: true, rule: 'http://[user:password@]host:port', meaning: 'Forward proxy through which AMSU must be reached, as http://[user:password@]host:port, for token calls and relayed calls. HTTP_PROXY and its like are not read.' },
  HOST: { type: 'string', default: '127.0.0.1', rule: 'an address or name to listen on', meaning: 'Address to listen on. Beyond loopback it needs CALLERS or ALLOW_OPEN_ACCESS.' },
  PORT: { type: 'integer', default: 8080, minimum: 0, maximum: 65_535, rule: 'a whole number from 0 to 65535', meaning: 'Port to listen on; 0 takes a free one, which the log names.' },
  TLS_CERT_FILE: { type: 'string', rule: 'given together with TLS_KEY_FILE, as the path of a readable PEM file', meaning: 'Certificate chain to serve https to callers, as PEM; read again when it changes.' },
  TLS_KEY_FILE: { type: 'string', rule: 'given together with TLS_CERT_FILE, as the path of a readable PEM file that fits it', meaning: 'Private key of that certificate, as PEM.' },
  UNIX_SOCKET: { type: 'string', rule: 'a path', meaning: 'Path of a unix socket to listen on instead of HOST and PORT, with mode 0660. A stale socket file is replaced; a live one is an error.' },
  ADMIN_HOST: { type: 'string', default: '127.0.0.1', rule: 'an address or name to listen on', meaning: 'Address of the second listener; only with ADMIN_PORT.' },
  ADMIN_PORT: { type: 'integer', minimum: 0, maximum: 65_535, rule: 'a whole number from 0 to 65535', meaning: 'Port of a second listener for the endpoints of our own; the first one then serves /amsu-analysis/ only.' },
  CALLERS: { type: 'string', isSecret: true, rule: 'a list of name:secret separated by commas, without CALLERS_FILE', meaning: 'Local credentials of the callers, as name:secret separated by commas. Without them anybody who reaches the listener may call.' },
  CALLERS_FILE: { type: 'string', rule: 'the path of a readable file with one name:secret a line', meaning: 'Path of a file with one name:secret a line instead (# comments); read again when it changes.' },
  ALLOW_OPEN_ACCESS: { type: 'boolean', default: false, rule: 'true or false', meaning: 'Whether to listen beyond loopback without CALLERS.' },
  ALLOWED_HOSTS: { type: 'string', rule: 'a list of host names such as amsu.example, without scheme or star, separated by commas', meaning: 'Further Host names to accept, separated by commas, on any port. Always accepted: localhost, IP addresses, names without a dot, and names under .localhost, .local, .internal, .svc, .cluster.local, .home.arpa and .test. A final dot says nothing.' },
  ALLOWED_ORIGINS: { type: 'string', rule: 'a list of origins such as https://app.example separated by commas', meaning: 'Browser origins to accept, separated by commas. CORS answers are given to these only; every other browser page is refused.' },
  ALLOWED_ROUTES: { type: 'string', rule: 'a list of entries METHOD /amsu-analysis/path separated by commas', meaning: 'Least privilege: what may be called, as METHOD /path separated by commas, with * within a segment and ** across. Default: all of /amsu-analysis/.' },
  TOKEN_WAIT_MS: milliseconds(5_000, 0, 'How long a request may wait for a token when none is usable; then it is answered 503.'),
  TOKEN_REQUEST_TIMEOUT_MS: milliseconds(10_000, 1, 'Time-out of one call to a token endpoint of AMSU.'),
  UPSTREAM_CONNECT_TIMEOUT_MS: milliseconds(5_000, 1, 'Time-out of making a connection to AMSU.'),
  UPSTREAM_RESPONSE_TIMEOUT_MS: milliseconds(300_000, 1, 'From the last byte of the request to the first byte of the answer.'),
  UPSTREAM_IDLE_TIMEOUT_MS: milliseconds(60_000, 1, 'Longest silence in the middle of a body, either way.'),
  UPSTREAM_MAX_CONNECTIONS: { type: 'integer', default: 128, minimum: 1, maximum: 65_535, rule: 'a whole number from 1 to 65535', meaning: 'Most connections to AMSU at once; further requests queue for one.' },
  MAX_BODY_BYTES: { type: 'integer', default: 106_954_752, minimum: 0, maximum: Number.MAX_SAFE_INTEGER, rule: 'a whole number of bytes', meaning: 'Largest request body (102 MiB: AMSU takes files up to 100 MB). More is answered 413.' },
  REPLAY_BODY_BYTES: { type: 'integer', default: 1_048_576, minimum: 0, maximum: 104_857_600, rule: 'a whole number of bytes from 0 to 104857600', meaning: 'A request body up to this size is kept until the head of the answer is seen, so that the request can be sent once more when AMSU says the token is bad. All kept bodies together take at most 16 times this.' },
  MAX_IN_FLIGHT: { type: 'integer', default: 1_024, minimum: 1, maximum: 1_000_000, rule: 'a whole number from 1 to 1000000', meaning: 'Requests under way at once; more are answered 503.' },
  QUOTA_POLL_SECONDS: { type: 'integer', default: 300, minimum: 0, maximum: 86_400, rule: 'a whole number of seconds from 0 to 86400', meaning: 'How often AMSU is asked what is left of the quota, for metrics and the status page; 0 never. The question itself costs nothing.' },
  SHUTDOWN_GRACE_MS: milliseconds(9_000, 0, 'How long requests under way may finish after SIGTERM; Docker kills after 10 seconds.'),
  LOG_LEVEL: { type: 'string', default: 'info', values: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], rule: 'one of trace, debug, info, warn, error, fatal, silent', meaning: 'Least level that is logged. `info` writes one line a request.' },
} as const satisfies Record<string, Setting>

/** Name of a setting. */
export type SettingName = keyof typeof settings

/** The settings whose values are secrets. */
export const secretSettings = (Object.keys(settings) as SettingName[]).filter(name => 'isSecret' in settings[name])
