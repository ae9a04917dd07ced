/**
 * Every error this program answers or stops with, in one table.
 *
 * An answered error has AMSU's envelope, so that parsers written for AMSU understand it, and the header
 * `X-Amsu-Proxy-Error`, so that nobody mistakes it for AMSU's own. Its message is a fixed text: what was found on the way
 * (an address, a library's words) stays in `cause`, which is logged and never answered.
 */

/** The methods that are relayed; a refused one is told them (RFC 9110 section 15.5.6). */
export const RELAYED_METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT'] as const

/** The methods of AMSU's token endpoints, which are answered here; a refused one is told them likewise. */
export const TOKEN_METHODS = { token: ['POST', 'PUT'], refreshment: ['POST'] } as const

/** How a caller may say who it is (RFC 7617 section 2.1, RFC 6750 section 3; in one line as of RFC 9110 section 11.6.1). */
const CHALLENGES = 'Basic realm="amsu-proxy", charset="UTF-8", Bearer realm="amsu-proxy"'

/**
 * May the caller send the same request again? `safe`: AMSU has processed nothing. `mended`: likewise, but it will not help before
 * the operator acts. `charged`: AMSU may have processed, and so charged, the first one. `never`: it would be refused again.
 */
export type Retry = 'safe' | 'mended' | 'charged' | 'never'

interface ErrorEntry {
  /** HTTP status code. */
  readonly status: number
  /** The whole text a caller is told. */
  readonly message: string
  readonly retry: Retry
  /** Value of `Retry-After` in seconds, where waiting helps. */
  readonly retryAfterSeconds?: number
}

/** The answered errors by code; a caller sees the code with `PROXY.` in front. */
export const errorTable = {
  TOKEN_UNAVAILABLE: { status: 503, message: 'No AMSU access token is available at the moment. Nothing was sent; try again.', retry: 'safe', retryAfterSeconds: 1 },
  CREDENTIALS_REJECTED: { status: 503, message: 'AMSU refuses the credentials of this proxy. Nothing was sent; its operator must act.', retry: 'mended', retryAfterSeconds: 60 },
  UPSTREAM_UNREACHABLE: { status: 502, message: 'AMSU can not be reached. Nothing was sent; try again.', retry: 'safe' },
  UPSTREAM_TIMEOUT: { status: 504, message: 'AMSU did not answer in time. The call may have been processed and charged.', retry: 'charged' },
  UPSTREAM_RESET: { status: 502, message: 'The connection to AMSU broke. The call may have been processed and charged.', retry: 'charged' },
  UPSTREAM_INVALID: { status: 502, message: 'The answer of AMSU is not valid HTTP. The call may have been processed and charged.', retry: 'charged' },
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
  OVERLOADED: { status: 503, message: 'Too many requests are under way here. Nothing was sent; try again.', retry: 'safe', retryAfterSeconds: 1 },
  DRAINING: { status: 503, message: 'This proxy is shutting down. Nothing was sent; try again.', retry: 'safe' },
  INTERNAL: { status: 500, message: 'A defect of this proxy. Its log tells more under the request id.', retry: 'charged' },
} as const satisfies Record<string, ErrorEntry>

/** Code of an answered error, without the group `PROXY.`. */
export type ErrorCode = keyof typeof errorTable

/** A refusal or failure that is answered to the caller. Thrown anywhere on a request's way; answered in one place. */
export class ProxyError extends Error {
  readonly code: ErrorCode
  readonly status: number
  /** Seconds for `Retry-After`, or undefined where waiting does not help. */
  readonly retryAfterSeconds: number | undefined

  /** The methods to tell in `Allow`. @default those that are relayed */
  readonly allow: readonly string[]

  constructor (code: ErrorCode, options?: { cause?: unknown, retryAfterSeconds?: number | undefined, allow?: readonly string[] }) {
    const entry: ErrorEntry = errorTable[code]
    super(entry.message, options?.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ProxyError'
    this.code = code
    this.status = entry.status
    this.allow = options?.allow ?? RELAYED_METHODS
    this.retryAfterSeconds = options?.retryAfterSeconds ?? entry.retryAfterSeconds
  }
}

/** The program can not start as it is configured. `problems` are whole sentences that name settings and never hold a value. */
export class ConfigError extends Error {
  readonly problems: readonly string[]

  constructor (problems: readonly string[]) {
    super(problems.join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}

/**
 * Renders the body of an answered error, in AMSU's envelope.
 *
 * @returns JSON text, ASCII only
 */
export function errorBody (code: ErrorCode): string {
  return `{"error":{"code":"PROXY.${code}","msg":${JSON.stringify(errorTable[code].message)}}}`
}

/**
 * Renders the head of an answered error as a flat list of names and values. `Connection: close` is always part of it: an early
 * refusal must not make anyone read the rest of a 100 MB body.
 */
export function errorHeaders (error: ProxyError, requestId?: string): string[] {
  const headers = [
    'Content-Type', 'application/json; charset=utf-8',
    'Content-Length', String(errorBody(error.code).length),
    'Cache-Control', 'no-store',
    'X-Amsu-Proxy-Error', error.code,
    'Connection', 'close',
  ]
  if (requestId !== undefined) headers.push('X-Request-Id', requestId)
  if (error.code === 'METHOD_REJECTED') headers.push('Allow', error.allow.join(', '))
  if (error.code === 'CALLER_UNAUTHENTICATED') headers.push('WWW-Authenticate', CHALLENGES)
  if (error.retryAfterSeconds !== undefined) headers.push('Retry-After', String(error.retryAfterSeconds))
  return headers
}
