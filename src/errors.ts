/**
 * Error table: every error response of this program, and the error that stops it at start.
 *
 * An error response has AMSU's envelope, so that parsers written for AMSU understand it, and the header `X-Amsu-Proxy-Error`, so that it
 * cannot be mistaken for an error of AMSU. Its message is a fixed text: details (an address, a library's message) stay in `cause`, which
 * is logged and never sent.
 */

/** The methods that are relayed; a 405 lists them in `Allow` (RFC 9110 section 15.5.6). */
export const RELAYED_METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'] as const

/** The methods of AMSU's token endpoints, which the proxy serves itself; a 405 lists them in the same way. */
export const TOKEN_METHODS = { token: ['POST', 'PUT'], refreshment: ['POST'] } as const

/** How a caller may authenticate (RFC 7617 section 2.1, RFC 6750 section 3; in one field line, RFC 9110 section 11.6.1). */
const CHALLENGES = 'Basic realm="amsu-proxy", charset="UTF-8", Bearer realm="amsu-proxy"'

/** The challenge of a rejected login: its credentials are fields of the body, so it must not make a client ask its user for a password. */
const LOGIN_CHALLENGE = 'Bearer realm="amsu-proxy"'

/**
 * Whether the caller may retry the request. `safe`: AMSU has processed nothing. `after_fix`: AMSU has processed nothing, but a retry
 * fails until the operator acts. `charged`: AMSU may have processed and charged the first request. `never`: it would be rejected again.
 */
export type Retry = 'safe' | 'after_fix' | 'charged' | 'never'

interface ErrorEntry {
  /** HTTP status code. */
  readonly status: number
  /** The complete message in the response. */
  readonly message: string
  readonly retry: Retry
  /** Value of `Retry-After` in seconds, if waiting helps. */
  readonly retryAfterSeconds?: number
}

/** The error responses by code; the response has the code with the prefix `PROXY.`. */
export const errorTable = {
  TOKEN_UNAVAILABLE: { status: 503, message: 'No AMSU access token is available at the moment. Nothing was sent; try again.', retry: 'safe', retryAfterSeconds: 1 },
  CREDENTIALS_REJECTED: { status: 503, message: 'AMSU rejects the credentials of this proxy. Nothing was sent; its operator must act.', retry: 'after_fix', retryAfterSeconds: 60 },
  UPSTREAM_UNREACHABLE: { status: 502, message: 'AMSU cannot be reached. Nothing was sent; try again.', retry: 'safe' },
  UPSTREAM_TIMEOUT: { status: 504, message: 'AMSU did not respond in time. The call may have been processed and charged.', retry: 'charged' },
  UPSTREAM_RESET: { status: 502, message: 'The connection to AMSU broke. The call may have been processed and charged.', retry: 'charged' },
  UPSTREAM_INVALID: { status: 502, message: 'The response of AMSU is not valid HTTP. The call may have been processed and charged.', retry: 'charged' },
  BODY_TOO_LARGE: { status: 413, message: 'The request body is larger than this proxy accepts.', retry: 'never' },
  HEAD_TOO_LARGE: { status: 431, message: 'The request line and headers are larger than this proxy accepts.', retry: 'never' },
  REQUEST_TIMEOUT: { status: 408, message: 'The request did not arrive in time.', retry: 'safe' },
  EXPECTATION_FAILED: { status: 417, message: 'Only the expectation 100-continue is understood.', retry: 'never' },
  PATH_REJECTED: { status: 400, message: 'The request target is not in canonical form.', retry: 'never' },
  HOST_REJECTED: { status: 421, message: 'This Host is not served here; an operator may add it to ALLOWED_HOSTS.', retry: 'never' },
  ORIGIN_REJECTED: { status: 403, message: 'Web pages may not call this proxy; an operator may add an origin to ALLOWED_ORIGINS.', retry: 'never' },
  ROUTE_REJECTED: { status: 403, message: 'This call is not among ALLOWED_ROUTES.', retry: 'never' },
  METHOD_REJECTED: { status: 405, message: 'This method is not relayed.', retry: 'never' },
  NOT_FOUND: { status: 404, message: 'Only /amsu-analysis/ is relayed.', retry: 'never' },
  BAD_REQUEST: { status: 400, message: 'The request is not valid HTTP.', retry: 'never' },
  CALLER_UNAUTHENTICATED: { status: 401, message: 'The caller is unknown. It must send its name and secret, or a token of this proxy.', retry: 'never' },
  INVALID_TOKEN_REQUEST: { status: 400, message: 'A field of the token request is missing, empty or given twice.', retry: 'never' },
  LOOP: { status: 508, message: 'The request has been through this proxy already.', retry: 'never' },
  OVERLOADED: { status: 503, message: 'Too many requests are in flight here. Nothing was sent; try again.', retry: 'safe', retryAfterSeconds: 1 },
  DRAINING: { status: 503, message: 'This proxy is shutting down. Nothing was sent; try again.', retry: 'safe' },
  INTERNAL: { status: 500, message: 'This proxy has a defect. Its log has the details under the request ID.', retry: 'charged' },
} as const satisfies Record<string, ErrorEntry>

/** Code of an error response, without the prefix `PROXY.`. */
export type ErrorCode = keyof typeof errorTable

/** The error of a local login, in the words of AMSU's token endpoints: the codes are AMSU's, the texts are ours. */
export interface LoginError {
  readonly code: string
  readonly msg: string
}

/** A rejection or failure that becomes an error response. It is thrown anywhere in a request's processing and sent in one place. */
export class ProxyError extends Error {
  readonly code: ErrorCode
  readonly status: number
  /** Seconds for `Retry-After`, or undefined if waiting does not help. */
  readonly retryAfterSeconds: number | undefined

  /** The methods for `Allow`. @default the relayed ones */
  readonly allow: readonly string[]

  /** AMSU's code and message for an app that logs in; the body then has these instead of this error's own. */
  readonly login: LoginError | undefined

  constructor (code: ErrorCode, options?: { cause?: unknown, retryAfterSeconds?: number | undefined, allow?: readonly string[], login?: LoginError }) {
    const entry: ErrorEntry = errorTable[code]
    super(entry.message, options?.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ProxyError'
    this.code = code
    this.status = entry.status
    this.allow = options?.allow ?? RELAYED_METHODS
    this.login = options?.login
    this.retryAfterSeconds = options?.retryAfterSeconds ?? entry.retryAfterSeconds
  }
}

/** The configuration is invalid, so the program cannot start. `problems` are complete sentences that name settings and never contain a value. */
export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor (problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/** The `code` of an error of Node.js or of this program, which contains no path and no content; empty if it has none. */
export function codeOf (error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/**
 * Renders the body of an error response, in AMSU's envelope.
 *
 * @returns JSON text, ASCII only
 */
export function errorBody ({ code, login }: Pick<ProxyError, 'code' | 'login'>): string {
  return JSON.stringify({ error: login ?? { code: `PROXY.${code}`, msg: errorTable[code].message } })
}

/**
 * Renders the headers of an error response as a flat list of names and values. They always contain `Connection: close`, so that the
 * rest of a rejected 100 MB body is not read.
 */
export function errorHeaders (error: ProxyError, requestId?: string): string[] {
  const headers = [
    'Content-Type', 'application/json; charset=utf-8',
    'Content-Length', String(errorBody(error).length),
    'Cache-Control', 'no-store',
    'X-Amsu-Proxy-Error', error.code,
    'Connection', 'close',
  ]
  if (requestId !== undefined) headers.push('X-Request-Id', requestId)
  if (error.code === 'METHOD_REJECTED') headers.push('Allow', error.allow.join(', '))
  if (error.code === 'CALLER_UNAUTHENTICATED') headers.push('WWW-Authenticate', error.login === undefined ? CHALLENGES : LOGIN_CHALLENGE)
  if (error.retryAfterSeconds !== undefined) headers.push('Retry-After', String(error.retryAfterSeconds))
  return headers
}
