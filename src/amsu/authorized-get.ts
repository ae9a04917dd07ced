/**
 * A question of our own to AMSU: one GET with our token, about nothing AMSU charges for.
 */
import type { Clock } from '../clock.ts'
import type { ApiClient, ApiResponseHead } from '../upstream/api-client.ts'
import { BufferedResponse, mayBeInvalidToken } from './invalid-token.ts'
import { parseJson } from './token-api.ts'

/** What AMSU answered. */
export interface AuthorizedResponse {
  readonly status: number
  /** Parsed from JSON; undefined when it is none, or too long. */
  readonly body: unknown
  /** Whether it says that the token is bad. */
  readonly isTokenInvalid: boolean
}

/** Asks; rejects when there is no whole answer in time, or when `signal` ends it. */
export type AuthorizedGet<Token> = (path: string, token: Token, signal: AbortSignal) => Promise<AuthorizedResponse>

export interface AuthorizedGetOptions<Token> {
  readonly client: ApiClient
  /** Time-out of the whole call. */
  readonly requestTimeoutMs: number
  readonly clock: Clock
  /** Adds the token to flat headers; what a token is, is not known here. */
  readonly withAuthorization: (headers: readonly string[], token: Token) => string[]
  /** Told the head of every answer, whatever becomes of the question. */
  readonly onResponseHead?: (head: ApiResponseHead) => void
}

/** Creates the way to ask. */
export function createAuthorizedGet<Token> ({ client, clock, onResponseHead, requestTimeoutMs, withAuthorization }: AuthorizedGetOptions<Token>): AuthorizedGet<Token> {
  return async (path, token, signal) => {
    const late = new AbortController()
    const timer = clock.setTimeout(() => { late.abort() }, requestTimeoutMs)
    try {
      const headers = withAuthorization(['accept', 'application/json', 'accept-encoding', 'identity'], token)
      const { status, headers: received, body } = await client.request({ method: 'GET', path, headers, signal: AbortSignal.any([signal, late.signal]), ...(onResponseHead === undefined ? {} : { onResponseHead }) })
      if (body === undefined) return { status, body, isTokenInvalid: false }
      const head = { status, statusText: '', headers: ['content-type', 'content-encoding'].flatMap(name => received[name] === undefined ? [] : [name, received[name]]) }
      const buffered = new BufferedResponse(head)
      buffered.add(body)
      return { status, body: parseJson(body), isTokenInvalid: mayBeInvalidToken(head) && buffered.isInvalidToken() }
    } finally {
      clock.clearTimeout(timer)
    }
  }
}
