/**
 * Sends a GET of the proxy's own to AMSU with our token, for the quota check. AMSU does not charge for it.
 */
import type { Clock } from '../clock.ts'
import type { ApiClient, ApiResponseHead } from '../upstream/api-client.ts'
import { BufferedResponse, mayBeInvalidToken } from './invalid-token.ts'
import { parseJson } from './token-api.ts'

/** AMSU's response. */
export interface AuthorizedResponse {
  readonly status: number
  /** Parsed from JSON; undefined if it is not JSON or too long. */
  readonly body: unknown
  /** Whether it says that the token is invalid. */
  readonly isTokenInvalid: boolean
}

/** Sends the request. Rejects if there is no complete response in time, or if `signal` aborts it. */
export type AuthorizedGet<Token> = (path: string, token: Token, signal: AbortSignal) => Promise<AuthorizedResponse>

export interface AuthorizedGetOptions<Token> {
  readonly client: ApiClient
  /** Timeout of the complete call. */
  readonly requestTimeoutMs: number
  readonly clock: Clock
  /** Adds the token to flat headers. */
  readonly withAuthorization: (headers: readonly string[], token: Token) => string[]
  /** Called with the head of every response, even if the call fails later. */
  readonly onResponseHead?: (head: ApiResponseHead) => void
}

/** Creates the function. */
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
