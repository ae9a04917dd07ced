/**
 * Client of AMSU's token endpoints: issue and refresh, in AMSU's own form (its page on tokens; unlike RFC 6749 there is no `grant_type`,
 * and the refresh is a PUT without client authentication). One call is one attempt: no redirect, no decompression, no retry.
 */
import { type Clock, instant, type Instant } from '../clock.ts'
import { Secret } from '../secrets/secret.ts'
import type { ApiClient, ApiResponseHead } from '../upstream/api-client.ts'
import { INVALID_RESPONSE_ERROR, UNSENDABLE_REQUEST_ERROR } from '../upstream/errors.ts'
import { FORWARD_PROXY_ERROR } from '../upstream/forward-proxy.ts'
import { tokenLifeMs, type RefreshCall, type TokenCall, type TokenCallFailureKind } from './token-call.ts'

/** Characters that are safe in an `Authorization` header (no header injection). */
const VISIBLE_ASCII = /^[\x21-\x7e]+$/

/** An `error.code` of AMSU that is safe to log. */
const ERROR_CODE = /^[A-Z][A-Z_]*\.[A-Z][A-Z_]*$/

const ENDPOINTS = {
  credentials: { method: 'POST', path: '/amsu-analysis/v2/token' },
  refresh_put: { method: 'PUT', path: '/amsu-analysis/v2/token' },
  refresh_post: { method: 'POST', path: '/amsu-analysis/v2/token/refreshment' },
} as const satisfies Record<TokenCall, { method: string, path: string }>

/** The result of a successful call. */
export interface TokenGrant {
  readonly accessToken: Secret
  /** Life of the access token in milliseconds, counted from `issuedAt`. */
  readonly lifeMs: number
  readonly refreshToken: Secret | undefined
  /** When the call was sent. */
  readonly issuedAt: Instant
}

/** Valid form of a failure code; the codes of Node.js and OpenSSL match it. */
const FAILURE_CODE = /^[A-Z][A-Z0-9_]{0,63}$/

/** Our own codes, for failures without a system code. */
const TIMEOUT = 'TIMEOUT'
const INVALID_RESPONSE = 'INVALID_RESPONSE'
const DEFECT = 'DEFECT'

/** Details of a failed call. */
export interface TokenCallErrorOptions {
  readonly retryAfterMs?: number
  readonly code?: string | undefined
  readonly status?: number
  readonly cause?: unknown
}

/** A failed token call. Its message holds a status, an AMSU code or a system error code, never text from the response. */
export class TokenCallError extends Error {
  readonly call: TokenCall
  readonly kind: TokenCallFailureKind
  /** The value of `Retry-After` (RFC 9110 section 10.2.3) in milliseconds; 0 without one. */
  readonly retryAfterMs: number
  /**
   * Why the connection failed or the response is invalid, if no status tells: a code of Node.js, OpenSSL or `upstream/` (`ECONNREFUSED`),
   * `TIMEOUT`, `INVALID_RESPONSE` or `DEFECT`. Capitals, digits and `_` only, so that it can be shown; `UNKNOWN` for anything else.
   */
  readonly code: string | undefined
  /** HTTP status of a response other than 200. */
  readonly status: number | undefined

  constructor (call: TokenCall, kind: TokenCallFailureKind, reason: string, options: TokenCallErrorOptions = {}) {
    super(`${call}: ${reason}`, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'TokenCallError'
    this.call = call
    this.kind = kind
    this.retryAfterMs = options.retryAfterMs ?? 0
    this.code = options.code === undefined || FAILURE_CODE.test(options.code) ? options.code : 'UNKNOWN'
    this.status = options.status
  }
}

/** The credentials AMSU issued to this installation. */
export interface Credentials {
  readonly clientId: Secret
  readonly clientSecret: Secret
}

/** Makes token calls. Both methods throw only {@link TokenCallError}. */
export interface TokenApi {
  /** Gets a token for the credentials. `signal` aborts the call. */
  issue: (credentials: Credentials, signal?: AbortSignal) => Promise<TokenGrant>
  /** Gets a token for a refresh token. */
  refresh: (call: RefreshCall, refreshToken: Secret) => Promise<TokenGrant>
}

export interface TokenApiOptions {
  readonly client: ApiClient
  /** Timeout of a complete call. */
  readonly requestTimeoutMs: number
  readonly clock: Clock
  /** Called with the head of every response, even if the call fails later. */
  readonly onResponseHead?: (head: ApiResponseHead) => void
}

/** Creates the client of AMSU's token endpoints. */
export function createTokenApi (options: TokenApiOptions): TokenApi {
  const { client, requestTimeoutMs, clock, onResponseHead } = options

  async function exchangeForm (call: TokenCall, form: URLSearchParams, signal?: AbortSignal): Promise<TokenGrant> {
    const controller = new AbortController()
    const timer = clock.setTimeout(() => { controller.abort() }, requestTimeoutMs)
    let isSent = false
    try {
      const issuedAt = instant(clock)
      const { status, headers, body: bytes } = await client.request({
        ...ENDPOINTS[call],
        headers: ['content-type', 'application/x-www-form-urlencoded', 'accept', 'application/json', 'accept-encoding', 'identity'],
        body: Buffer.from(form.toString()),
        signal: signal === undefined ? controller.signal : AbortSignal.any([controller.signal, signal]),
        onConnected () { isSent = true },
        ...(onResponseHead === undefined ? {} : { onResponseHead }),
      })
      const body = parseJson(bytes)
      if (status === 200) return toGrant(call, body, issuedAt)
      throw toFailure(call, status, body, headers['retry-after'], clock)
    } catch (error) {
      throw error instanceof TokenCallError ? error : toNetworkFailure(call, error, isSent)
    } finally {
      clock.clearTimeout(timer)
    }
  }

  return {
    issue: async ({ clientId, clientSecret }, signal) => await exchangeForm('credentials', new URLSearchParams({ client_id: clientId.reveal(), client_secret: clientSecret.reveal() }), signal),
    refresh: async (call, refreshToken) => await exchangeForm(call, new URLSearchParams({ refresh_token: refreshToken.reveal() })),
  }
}

/** Parses a body; undefined if it is too long or not JSON. */
export function parseJson (body: Buffer | undefined): unknown {
  try {
    return body === undefined ? undefined : JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

function toGrant (call: TokenCall, body: unknown, issuedAt: Instant): TokenGrant {
  const { access_token: accessToken, expires_in: expiresIn, refresh_token: refreshToken } = isRecord(body) ? body : {}
  if (typeof accessToken !== 'string' || !VISIBLE_ASCII.test(accessToken)) throw new TokenCallError(call, 'transient', 'the response has no valid access_token', { code: INVALID_RESPONSE })
  if (typeof expiresIn !== 'number' || !Number.isFinite(expiresIn) || expiresIn <= 0) throw new TokenCallError(call, 'transient', 'the response has no positive expires_in', { code: INVALID_RESPONSE })
  const isUsable = typeof refreshToken === 'string' && VISIBLE_ASCII.test(refreshToken)
  return { accessToken: new Secret(accessToken), lifeMs: tokenLifeMs(expiresIn), refreshToken: isUsable ? new Secret(refreshToken) : undefined, issuedAt }
}

/** Converts a response other than 200 to an error. */
function toFailure (call: TokenCall, status: number, body: unknown, retryAfter: string | undefined, clock: Clock): TokenCallError {
  const code = errorCodeOf(body)
  const retryAfterMs = retryAfter === undefined ? 0 : parseRetryAfterMs(retryAfter, clock.wall())
  return new TokenCallError(call, classifyFailure(call, status, code), `status ${status}${code === undefined ? '' : ` ${code}`}`, { retryAfterMs, status })
}

/**
 * Classifies a response other than 200. AMSU's error code counts first. A 405 or 501 to a PUT, and a 403 or 404 to it without an AMSU
 * code, comes from a firewall or front end that blocks the method.
 */
export function classifyFailure (call: TokenCall, status: number, code: string | undefined): TokenCallFailureKind {
  if (code === 'COMMON.AUTHENTICATION_FAILED' || code === 'COMMON.INVALID_CREDENTIALS') return 'rejected'
  if (call === 'refresh_put' && (status === 405 || status === 501 || (code === undefined && (status === 403 || status === 404)))) return 'method_blocked'
  if (status === 401) return 'rejected'
  if (code !== undefined && (status === 400 || status === 403 || status === 422)) return 'rejected'
  return 'transient'
}

/** AMSU’s `error.code` of a response, if it is safe to print. */
export function errorCodeOf (body: unknown): string | undefined {
  const code = isRecord(body) && isRecord(body['error']) ? body['error']['code'] : undefined
  return typeof code === 'string' && code.length <= 64 && ERROR_CODE.test(code) ? code : undefined
}

/** Parses `Retry-After` (seconds or an HTTP date). Returns milliseconds; 0 if it is invalid or in the past. */
export function parseRetryAfterMs (value: string, wallNow: number): number {
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  const date = Date.parse(value)
  return Number.isNaN(date) ? 0 : Math.max(0, date - wallNow)
}

/** Errors on an open connection that do not suggest a blocked method: invalid HTTP, or a forward proxy that requires authentication. */
const NOT_A_LOST_CONNECTION = new Set<string | undefined>([INVALID_RESPONSE_ERROR, UNSENDABLE_REQUEST_ERROR, FORWARD_PROXY_ERROR])

/** Before anything was sent, a failure is transient. A connection that breaks or times out later may mean that the method is blocked. */
function toNetworkFailure (call: TokenCall, cause: unknown, isSent: boolean): TokenCallError {
  if (cause instanceof Error && cause.name === 'AbortError') return new TokenCallError(call, isSent ? 'connection_lost' : 'transient', 'no response in time', { code: TIMEOUT })
  const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined
  const isInvalid = code === undefined || code === INVALID_RESPONSE_ERROR
  return new TokenCallError(call, isSent && !NOT_A_LOST_CONNECTION.has(code) ? 'connection_lost' : 'transient', isInvalid ? 'the response is not valid HTTP' : code, { code: isInvalid ? INVALID_RESPONSE : code, cause })
}

/** Converts any thrown value to a failed call: a defect of ours must not stop the token renewal. */
export function toCallError (call: TokenCall, error: unknown): TokenCallError {
  return error instanceof TokenCallError ? error : new TokenCallError(call, 'transient', 'defect', { code: DEFECT, cause: error })
}

function isRecord (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
