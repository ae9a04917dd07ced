/**
 * What is left of the quota, asked of AMSU now and then with the call that costs nothing. Nothing depends on the answer: a failure
 * is told once and waits for the next time.
 */
import type { BaseLogger } from 'pino'
import type { AuthorizedGet, AuthorizedResponse } from '../amsu/authorized-get.ts'
import { emptyFamilies, parseAvailableTimes, type AvailableTimes } from '../amsu/available-times.ts'
import type { Clock, Timer } from '../clock.ts'
import type { AccessToken } from '../token/access-token.ts'

/** AMSU's page on available times; without a slash at the end. */
const PATH = '/amsu-analysis/v2/available-times'

/** Before the first token, and once a bad one has been reported: when to look for the next. */
const TOKEN_LOOK_MS = 1_000

export interface QuotaOptions {
  readonly authorizedGet: AuthorizedGet<AccessToken>
  readonly tokens: { readonly current: () => AccessToken | undefined, readonly invalidate: (token: AccessToken) => boolean }
  readonly clock: Clock
  readonly log: Pick<BaseLogger, 'info' | 'warn'>
  /** From one reading to the next, in milliseconds; 0: never. */
  readonly pollMs: number
}

/** What AMSU said, and when. */
export interface QuotaReading {
  /** In milliseconds since the Unix epoch. */
  readonly readAt: number
  readonly families: readonly AvailableTimes[]
}

/** Asks as long as it is open. */
export class QuotaPoll {
  readonly #options: QuotaOptions
  readonly #closing = new AbortController()
  #reading: QuotaReading | undefined
  #timer: Timer | undefined
  #isFailing = false
  /** A token is blamed once between two good answers: an account that may not ask must not cost a renewal each time. */
  #hasInvalidated = false

  constructor (options: QuotaOptions) {
    this.#options = options
  }

  /** Whether AMSU is asked at all. */
  get isOn (): boolean {
    return this.#options.pollMs > 0
  }

  /** The last good answer; kept when later ones fail. */
  get reading (): QuotaReading | undefined {
    return this.#reading
  }

  /** Whether the last attempt brought no answer. */
  get isFailing (): boolean {
    return this.#isFailing
  }

  /** Asks as soon as there is a token, and from then on at every interval. */
  start (): void {
    if (this.isOn) this.#pollIn(Math.min(TOKEN_LOOK_MS, this.#options.pollMs))
  }

  /** Asks no more; a question under way is dropped. */
  close (): void {
    this.#closing.abort()
    if (this.#timer !== undefined) this.#options.clock.clearTimeout(this.#timer)
  }

  #pollIn (ms: number): void {
    if (this.#closing.signal.aborted) return
    const goOn = (nextMs = this.#options.pollMs): void => { this.#pollIn(nextMs) }
    this.#timer = this.#options.clock.setTimeout(() => { this.#poll().then(goOn, () => { goOn() }) }, ms)
  }

  /** @returns milliseconds until the next time */
  async #poll (): Promise<number> {
    const { authorizedGet, pollMs, tokens } = this.#options
    const token = tokens.current()
    if (token === undefined) return Math.min(TOKEN_LOOK_MS, pollMs)
    try {
      const response = await authorizedGet(PATH, token, this.#closing.signal)
      const families = response.status === 200 ? parseAvailableTimes(response.body) : []
      if (families.length > 0) this.#succeed(families)
      else this.#fail({ status: response.status })
      if (!this.#mayInvalidate(response)) return pollMs
      tokens.invalidate(token)
      return Math.min(TOKEN_LOOK_MS, pollMs)
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
    if (this.#isFailing) this.#options.log.info('AMSU tells again what is left of the quota')
    this.#isFailing = false
    this.#hasInvalidated = false
    this.#logChange(families)
    this.#reading = { readAt: this.#options.clock.wall(), families }
  }

  #logChange (families: readonly AvailableTimes[]): void {
    const { log } = this.#options
    const wasEmpty = emptyFamilies(this.#reading?.families ?? [])
    const empty = emptyFamilies(families)
    const used = empty.filter(family => !wasEmpty.includes(family))
    const filled = wasEmpty.filter(family => !empty.includes(family))
    if (used.length > 0) log.warn({ families: used }, 'the quota of these families is used up: ask AMSU for more calls, it refuses these analyses until then')
    if (filled.length > 0) log.info({ families: filled }, 'the quota of these families is filled up again, their analyses can be called')
  }

  #fail (fields: object): void {
    if (!this.#isFailing) this.#options.log.warn(fields, 'AMSU does not tell what is left of the quota, will ask again')
    this.#isFailing = true
  }
}
