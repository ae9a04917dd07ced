/**
 * All settings (environment variables) in one table: how each is validated, and how `.env.example`, the documents and error messages describe
 * it. A test compares these descriptions with the table.
 */

/** A setting. */
export interface Setting {
  readonly type: 'string' | 'integer' | 'boolean'
  /** The value if the variable is unset or empty; a setting without a default may stay unset. */
  readonly default?: string | number | boolean
  readonly minimum?: number
  readonly maximum?: number
  readonly values?: readonly string[]
  /** The value is a secret; it is removed from the environment after it is read. */
  readonly isSecret?: true
  /** The end of the sentence `NAME must be …`. */
  readonly rule: string
  /** The description, as one or more sentences. */
  readonly meaning: string
}

/** The longest delay of Node's timers; a longer one would fire at once. */
const MAX_DELAY_MS = 2_147_483_647

function milliseconds (defaultMs: number, minimum: number, meaning: string): Setting {
  return { type: 'integer', default: defaultMs, minimum, maximum: MAX_DELAY_MS, rule: `a whole number of milliseconds from ${minimum} to ${MAX_DELAY_MS}`, meaning }
}

function path (meaning: string): Setting {
  return { type: 'string', rule: 'the path of a readable file that is not empty', meaning }
}

/** The settings by name, in the order of the documentation. */
export const settings = {
  AMSU_CLIENT_ID: { type: 'string', isSecret: true, rule: 'given, or AMSU_CLIENT_ID_FILE, but not both', meaning: 'The app_key that AMSU issued.' },
  AMSU_CLIENT_ID_FILE: path('Path of a file that contains the app_key instead (Docker and Kubernetes secrets). A trailing newline is ignored.'),
  AMSU_CLIENT_SECRET: { type: 'string', isSecret: true, rule: 'given, or AMSU_CLIENT_SECRET_FILE, but not both', meaning: 'The app_secret that AMSU issued.' },
  AMSU_CLIENT_SECRET_FILE: path('Path of a file that contains the app_secret instead. Both files are read again when they change.'),
  AMSU_BASE_URL: { type: 'string', default: 'http://api.amsu-new.com', rule: 'an http or https origin without path, query or password', meaning: 'Origin of AMSU. AMSU documents no https address; the proxy warns at start of plain http to a host that is not loopback.' },
  AMSU_CA_FILE: { type: 'string', rule: 'the path of a readable file of PEM certificates', meaning: 'Additional certificate authorities for https to AMSU, as PEM. The file is read again when it changes. Verification cannot be turned off.' },
  AMSU_HTTP_PROXY: { type: 'string', isSecret: true, rule: 'http://[user:password@]host:port', meaning: 'Forward proxy on the way to AMSU, as http://[user:password@]host:port, for token calls and relayed calls. HTTP_PROXY and similar variables are not read.' },
  HOST: { type: 'string', default: '127.0.0.1', rule: 'an address or name to listen on', meaning: 'Address to listen on. An address that is not loopback requires CALLERS or ALLOW_OPEN_ACCESS.' },
  PORT: { type: 'integer', default: 8080, minimum: 0, maximum: 65_535, rule: 'a whole number from 0 to 65535', meaning: 'Port to listen on. 0 selects a free port, which the log names.' },
  TLS_CERT_FILE: { type: 'string', rule: 'given together with TLS_KEY_FILE, as the path of a readable PEM file', meaning: 'Certificate chain to serve https to clients, as PEM. The file is read again when it changes.' },
  TLS_KEY_FILE: { type: 'string', rule: 'given together with TLS_CERT_FILE, as the path of a readable PEM file with the matching key', meaning: 'Private key of that certificate, as PEM.' },
  UNIX_SOCKET: { type: 'string', rule: 'a path', meaning: 'Path of a Unix socket to listen on instead of HOST and PORT, with mode 0660. A stale socket file is replaced; a socket in use is an error.' },
  ADMIN_HOST: { type: 'string', default: '127.0.0.1', rule: 'an address or name to listen on', meaning: 'Address of the admin listener; only with ADMIN_PORT.' },
  ADMIN_PORT: { type: 'integer', minimum: 0, maximum: 65_535, rule: 'a whole number from 0 to 65535', meaning: 'Port of an admin listener for the endpoints of the proxy. The main listener then serves /amsu-analysis/ only.' },
  CALLERS: { type: 'string', isSecret: true, rule: 'a list of name:secret separated by commas, without CALLERS_FILE', meaning: 'Local credentials of the callers, as name:secret separated by commas. Without them, every client that reaches the listener may call AMSU.' },
  CALLERS_FILE: { type: 'string', rule: 'the path of a readable file with one name:secret a line', meaning: 'Path of a file with one name:secret a line instead (# starts a comment). The file is read again when it changes.' },
  ALLOW_OPEN_ACCESS: { type: 'boolean', default: false, rule: 'true or false', meaning: 'Whether to allow an address that is not loopback without CALLERS.' },
  ALLOWED_HOSTS: { type: 'string', rule: 'a list of host names such as amsu.example, without scheme or star, separated by commas', meaning: 'Additional Host names to accept, separated by commas, on any port. Always accepted: localhost, IP addresses, names without a dot, and names under .localhost, .local, .internal, .svc, .cluster.local, .home.arpa and .test. A final dot is ignored.' },
  ALLOWED_ORIGINS: { type: 'string', rule: 'a list of origins such as https://app.example separated by commas', meaning: 'Browser origins to accept, separated by commas. Only these get CORS responses; requests from all other web pages are rejected.' },
  ALLOWED_ROUTES: { type: 'string', rule: 'a list of entries METHOD /amsu-analysis/path separated by commas', meaning: 'Routes that may be called, as METHOD /path separated by commas, with * within a segment and ** across segments. Default: all of /amsu-analysis/.' },
  TOKEN_WAIT_MS: milliseconds(5_000, 0, 'How long a request waits for a token if none is valid; then it gets a 503.'),
  TOKEN_REQUEST_TIMEOUT_MS: milliseconds(10_000, 1, 'Timeout of one call to a token endpoint of AMSU.'),
  UPSTREAM_CONNECT_TIMEOUT_MS: milliseconds(5_000, 1, 'Timeout for connecting to AMSU.'),
  UPSTREAM_RESPONSE_TIMEOUT_MS: milliseconds(300_000, 1, 'Timeout from the last byte of the request to the first byte of the response.'),
  UPSTREAM_IDLE_TIMEOUT_MS: milliseconds(60_000, 1, 'Idle timeout within a request body or response body.'),
  UPSTREAM_MAX_CONNECTIONS: { type: 'integer', default: 128, minimum: 1, maximum: 65_535, rule: 'a whole number from 1 to 65535', meaning: 'Maximum number of connections to AMSU. Further requests wait for a free one.' },
  MAX_BODY_BYTES: { type: 'integer', default: 106_954_752, minimum: 0, maximum: Number.MAX_SAFE_INTEGER, rule: 'a whole number of bytes', meaning: 'Maximum size of a request body (102 MiB, because AMSU accepts files of up to 100 MB). A larger one gets a 413.' },
  REPLAY_BODY_BYTES: { type: 'integer', default: 1_048_576, minimum: 0, maximum: 104_857_600, rule: 'a whole number of bytes from 0 to 104857600', meaning: 'A request body of up to this size is kept until the response header arrives, so that the request can be replayed (sent again once) if AMSU rejects the token. All kept bodies together use at most 16 times this size.' },
  MAX_IN_FLIGHT: { type: 'integer', default: 1_024, minimum: 1, maximum: 1_000_000, rule: 'a whole number from 1 to 1000000', meaning: 'Maximum number of requests in flight. Further requests get a 503.' },
  QUOTA_POLL_SECONDS: { type: 'integer', default: 300, minimum: 0, maximum: 86_400, rule: 'a whole number of seconds from 0 to 86400', meaning: 'How often the proxy reads the quota from AMSU, for metrics and the status page; 0 means never. The call is free of charge.' },
  SHUTDOWN_GRACE_MS: milliseconds(9_000, 0, 'How long requests in flight may take to finish after SIGTERM. Docker kills the process after 10 seconds.'),
  LOG_LEVEL: { type: 'string', default: 'info', values: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], rule: 'one of trace, debug, info, warn, error, fatal, silent', meaning: 'Minimum level that is logged. `info` writes one line for each request.' },
} as const satisfies Record<string, Setting>

/** Name of a setting. */
export type SettingName = keyof typeof settings

/** The settings whose values are secrets. */
export const secretSettings = (Object.keys(settings) as SettingName[]).filter(name => 'isSecret' in settings[name])
