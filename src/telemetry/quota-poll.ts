/**
 * Polls AMSU for the remaining quota, with a call that is free of charge. Nothing depends on the response: a failure is logged once,
 * and the next poll tries again.
 */
import type { BaseLogger } from 'pino'
import type { AuthorizedGet, AuthorizedResponse } from '../amsu/authorized-get.ts'
import { emptyFamilies, parseAvailableTimes, type AvailableTimes } from '../amsu/available-times.ts'
import type { Clock, Timer } from '../clock.ts'
import type { AccessToken } from '../token/access-token.ts'

/** AMSU's endpoint of available times; without a trailing slash. */
const PATH = '/amsu-analysis/v2/available-times'

/** The interval while there is no token, or after a token was reported as invalid. */
const TOKEN_POLL_MS = 1_000

export interface QuotaOptions {
  readonly authorizedGet: AuthorizedGet<AccessToken>
  readonly tokens: { readonly current: () => AccessToken | undefined, readonly invalidate: (token: AccessToken) => boolean }
  readonly clock: Clock
  readonly log: Pick<BaseLogger, 'info' | 'warn'>
  /** The interval, in milliseconds; 0 means never. */
  readonly pollMs: number
}

/** The quota as AMSU reported it, and when. */
export interface QuotaReading {
  /** In milliseconds since the Unix epoch. */
  readonly readAt: number
  readonly families: readonly AvailableTimes[]
}

/** Polls until it is closed. */
export class QuotaPoll {
  readonly #options: QuotaOptions
  readonly #closing = new AbortController()
  #reading: QuotaReading | undefined
  #timer: Timer | undefined
  #isFailing = false
  /** A token is invalidated once between two good responses: an account without permission must not cause a renewal at each poll. */
  #hasInvalidated = false

  constructor (options: QuotaOptions) {
    this.#options = options
  }

  /** Whether polling is turned on. */
  get isOn (): boolean {
    return this.#options.pollMs > 0
  }

  /** The last successful reading; kept if later ones fail. */
  get reading (): QuotaReading | undefined {
    return this.#reading
  }

  /** Whether the last attempt failed. */
  get isFailing (): boolean {
    return this.#isFailing
  }

  /** Polls as soon as there is a token, and then at every interval. */
  start (): void {
    if (this.isOn) this.#pollIn(Math.min(TOKEN_POLL_MS, this.#options.pollMs))
  }

  /** Stops polling and aborts a call in flight. */
  close (): void {
    this.#closing.abort()
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer)
  }

  #pollIn (ms: number): void {
    if (this.#closing.signal.aborted) return
    const scheduleNext = (nextMs = this.#options.pollMs): void => { this.#pollIn(nextMs) }
    this.#timer = this.#options.clock.setTimeout(() => { this.#poll().then(scheduleNext, () => { scheduleNext() }) }, ms)
  }

  /** @returns milliseconds until the next poll */
  async #poll (): Promise<number> {
    const { authorizedGet, pollMs, tokens } = this.#options
    const token = tokens.current()
    if (token === undefined) return Math.min(TOKEN_POLL_MS, pollMs)
    try {
      const response = await authorizedGet(PATH, token, this.#closing.signal)
      const families = response.status === 200 ? parseAvailableTimes(response.body) : []
      if (families.length > 0) this.#succeed(families)
      else this.#fail({ status: response.status })
      if (!this.#mayInvalidate(response)) return pollMs
      tokens.invalidate(token)
      return Math.min(TOKEN_POLL_MS, pollMs)
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#fail({ err: error })
      return pollMs
    }
  }

  #mayInvalidate ({ isTokenInvalid }: AuthorizedResponse): boolean {
    if (!isTokenInvalid || this.#hasInvalidated) return false
    this.#hasInvalidated = true
    return true
  }

  #succeed (families: readonly AvailableTimes[]): void {
    if (this.#isFailing) this.#options.log.info('AMSU reports the quota again')
    this.#isFailing = false
    this.#hasInvalidated = false
    this.#logChange(families)
    this.#reading = { readAt: this.#options.clock.wall(), families }
  }

  #logChange (families: readonly AvailableTimes[]): void {
    const { log } = this.#options
    const wasEmpty = emptyFamilies(this.#reading?.families ?? [])
    const empty = emptyFamilies(families)
    const usedUp = empty.filter(family => !wasEmpty.includes(family))
    const filled = wasEmpty.filter(family => !empty.includes(family))
    if (usedUp.length > 0) log.warn({ families: usedUp }, 'the quota of these families is used up: ask AMSU for more calls; AMSU rejects these analyses until then')
    if (filled.length > 0) log.info({ families: filled }, 'the quota of these families is filled again, their analyses can be called')
  }

  #fail (fields: object): void {
    if (!this.#isFailing) this.#options.log.warn(fields, 'AMSU does not report the quota, the proxy asks again later')
    this.#isFailing = true
  }
}
