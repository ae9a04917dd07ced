/**
 * A question of our own to AMSU: one GET with our token, about nothing AMSU charges for.
 */
import type { Dispatcher } from 'undici'
import type { Clock } from '../clock.ts'
import type { AccessToken } from '../token/access-token.ts'
import type { AnswerHead } from '../token/amsu-token-api.ts'
import { authorized } from './authorized.ts'
import { HeldAnswer, mayBlameToken } from './bad-token.ts'

/** What AMSU answered. */
export interface Reply {
  readonly status: number
  /** Parsed from JSON; undefined when it is none, or too long. */
  readonly body: unknown
  /** Whether it says that the token is bad. */
  readonly isTokenBad: boolean
}

/** Asks; rejects when there is no whole answer in time, or when `signal` ends it. */
export type Enquire = (path: string, token: AccessToken, signal: AbortSignal) => Promise<Reply>

export interface EnquiryOptions {
  readonly dispatcher: Dispatcher
  /** Origin of AMSU. */
  readonly origin: string
  /** Time-out of the whole call. */
  readonly requestTimeoutMs: number
  readonly clock: Clock
  /** Told the head of every answer, whatever becomes of the question. */
  readonly onAnswer?: (head: AnswerHead) => void
}

/** Creates the way to ask. */
export function createEnquiry ({ clock, dispatcher, onAnswer, origin, requestTimeoutMs }: EnquiryOptions): Enquire {
  return async (path, token, signal) => {
    const late = new AbortController()
    const timer = clock.setTimeout(() => { late.abort() }, requestTimeoutMs)
    try {
      const headers = authorized(['accept', 'application/json', 'accept-encoding', 'identity'], token)
      const { statusCode: status, headers: got, body } = await dispatcher.request({ origin, method: 'GET', path, headers, signal: AbortSignal.any([signal, late.signal]) })
      onAnswer?.({ status, headers: got })
      const head = { status, statusText: '', headers: ['content-type', String(got['content-type'])] }
      const held = new HeldAnswer(head)
      for await (const chunk of body) {
        if (!held.add(chunk as Buffer)) return { status, body: undefined, isTokenBad: false }
      }
      return { status, body: parse(Buffer.concat(held.chunks)), isTokenBad: mayBlameToken(head) && held.blamesToken() }
    } finally {
      clock.clearTimeout(timer)
    }
  }
}

function parse (body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}
