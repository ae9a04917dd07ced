/**
 * The tokens of one exchange: at most one rejection is followed by another token, and all waits for a token have one limit. It also knows
 * how the replay with another token went.
 */
import type { BufferedResponse, Replay } from '../amsu/invalid-token.ts'
import type { Clock } from '../clock.ts'
import { ProxyError } from '../errors.ts'
import type { AccessToken } from '../token/access-token.ts'
import type { Tokens } from './context.ts'

/** Gives an exchange its tokens, but never one with the value that AMSU has rejected. */
export class ExchangeTokens {
  readonly #tokens: Tokens
  readonly #clock: Clock
  #wait: AbortController | undefined
  /** Tokens that expire before use must not hold the exchange forever, so its waits are added up. */
  #waitedMs = 0
  #rejected: AccessToken | undefined
  #isReplaced = false
  #original: BufferedResponse | undefined
  #replay: Replay | undefined

  constructor ({ clock, tokens }: { readonly clock: Clock, readonly tokens: Tokens }) {
    this.#clock = clock
    this.#tokens = tokens
  }

  /** Whether another token than the one that AMSU rejected is available or being fetched. */
  get isReplaced (): boolean {
    return this.#isReplaced
  }

  /** AMSU's first response, if it rejected the token and the request is replayed. */
  get original (): BufferedResponse | undefined {
    return this.#original
  }

  /** The result of the replay; undefined if the request was not sent again. */
  get replay (): Replay | undefined {
    return this.#replay
  }

  /** AMSU rejected this token: no request is sent with it from now on. */
  reject (token: AccessToken): void {
    this.#rejected = token
    this.#isReplaced = this.#tokens.invalidate(token)
    if (this.#original !== undefined) this.#replay = 'rejected_again'
  }

  /** The request is replayed; `original` is the response that rejected the token. */
  replayAfter (original: BufferedResponse): void {
    this.#original = original
  }

  /** An attempt is sent. */
  onRequestStart (): void {
    if (this.#original !== undefined) this.#replay = 'failed' // until there is a response
  }

  /** An attempt has a response. */
  onResponseStart (): void {
    if (this.#original !== undefined) this.#replay = 'responded'
  }

  /** The token to send now, or undefined if none is usable. */
  current (): AccessToken | undefined {
    const token = this.#tokens.current()
    return token === undefined || this.#isRejected(token) ? undefined : token
  }

  /** Waits for a token. Throws if none comes in time, or if AMSU issues the value again that it has rejected. */
  async acquire (): Promise<AccessToken> {
    const beganMs = this.#clock.monotonic()
    this.#wait = new AbortController()
    const token = await this.#tokens.acquire(this.#wait.signal, this.#waitedMs)
    this.#waitedMs += this.#clock.monotonic() - beganMs
    if (this.#isRejected(token)) throw new ProxyError('TOKEN_UNAVAILABLE')
    return token
  }

  /** Ends the wait, if there is one. */
  stopWaiting (): void {
    this.#wait?.abort()
  }

  #isRejected (token: AccessToken): boolean {
    return this.#rejected?.isSameAs(token) === true
  }
}
