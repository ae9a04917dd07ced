/**
 * A question of our own to AMSU: one GET with our token, about nothing AMSU charges for.
 */
import type { Clock } from '../clock.ts'
import type { ApiClient, ApiResponseHead } from '../upstream/api-client.ts'
import { HeldAnswer, mayBlameToken } from './invalid-token.ts'
import { parseJson } from './token-api.ts'

/** What AMSU answered. */
export interface Reply {
  readonly status: number
  /** Parsed from JSON; undefined when it is none, or too long. */
  readonly body: unknown
  /** Whether it says that the token is bad. */
  readonly isTokenBad: boolean
}

/** Asks; rejects when there is no whole answer in time, or when `signal` ends it. */
export type Enquire<Token> = (path: string, token: Token, signal: AbortSignal) => Promise<Reply>

export interface EnquiryOptions<Token> {
  readonly client: ApiClient
  /** Time-out of the whole call. */
  readonly requestTimeoutMs: number
  readonly clock: Clock
  /** Adds the token to flat headers; what a token is, is not known here. */
  readonly withAuthorization: (headers: readonly string[], token: Token) => string[]
  /** Told the head of every answer, whatever becomes of the question. */
  readonly onAnswer?: (head: ApiResponseHead) => void
}

/** Creates the way to ask. */
export function createEnquiry<Token> ({ client, clock, onAnswer, requestTimeoutMs, withAuthorization }: EnquiryOptions<Token>): Enquire<Token> {
  return async (path, token, signal) => {
    const late = new AbortController()
    const timer = clock.setTimeout(() => { late.abort() }, requestTimeoutMs)
    try {
      const headers = withAuthorization(['accept', 'application/json', 'accept-encoding', 'identity'], token)
      const { status, headers: received, body } = await client.request({ method: 'GET', path, headers, signal: AbortSignal.any([signal, late.signal]), ...(onAnswer === undefined ? {} : { onHead: onAnswer }) })
      if (body === undefined) return { status, body, isTokenBad: false }
      const head = { status, statusText: '', headers: ['content-type', 'content-encoding'].flatMap(name => received[name] === undefined ? [] : [name, received[name]]) }
      const held = new HeldAnswer(head)
      held.add(body)
      return { status, body: parseJson(body), isTokenBad: mayBlameToken(head) && held.blamesToken() }
    } finally {
      clock.clearTimeout(timer)
    }
  }
}
