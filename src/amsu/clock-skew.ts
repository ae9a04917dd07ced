/**
 * How far this machine's clock is from AMSU's, as its answers tell it (`Date`, RFC 9110 section 6.6.1).
 */
import type { BaseLogger } from 'pino'
import { type Clock, instant, type Instant } from '../clock.ts'
import type { ApiResponseHead } from '../upstream/api-client.ts'

/** A clock that is off by more than this is worth a word, in seconds; `Date` itself is exact to a second. */
export const MAX_SKEW_SECONDS = 30

/** When the wall clock has moved this much against the monotonic one it was set, or the machine slept: what was measured is void. */
const MAX_MOVE_MS = 10_000

/** Seconds by which this clock is ahead of AMSU's, negative when it is behind; undefined when the answer does not tell. */
export function skewSeconds ({ headers }: Pick<ApiResponseHead, 'headers'>, wallNow: number): number | undefined {
  const date = Date.parse(String(headers['date']))
  return Number.isNaN(date) ? undefined : Math.round((wallNow - date) / 1000)
}

/** Whether a clock that is `skew` seconds off is worth a word; one of which nothing is known is not. */
export function isOff (skew: number | undefined): boolean {
  return skew !== undefined && Math.abs(skew) > MAX_SKEW_SECONDS
}

/** Remembers what the last answer told, and warns of a clock that is off: once, and again when it has been right in between. */
export class ClockSkew {
  readonly #clock: Pick<Clock, 'wall' | 'monotonic'>
  readonly #log: Pick<BaseLogger, 'warn'>
  #last: { readonly at: Instant, readonly seconds: number } | undefined

  constructor (clock: Pick<Clock, 'wall' | 'monotonic'>, log: Pick<BaseLogger, 'warn'>) {
    this.#clock = clock
    this.#log = log
  }

  /** Reads the head of an answer of AMSU. Bound, to be handed to who gets them. */
  onResponseHead = (head: Pick<ApiResponseHead, 'headers'>): void => {
    const at = instant(this.#clock)
    const seconds = skewSeconds(head, at.wall)
    if (seconds === undefined) return
    if (isOff(seconds) && !isOff(this.#last?.seconds)) this.#log.warn({ clockSkewSeconds: seconds }, `the clock of this machine is ${seconds > 0 ? 'ahead of' : 'behind'} the clock of AMSU: set it, certificates and the times in the log depend on it`)
    this.#last = { at, seconds }
  }

  /** Seconds by which this clock is ahead of AMSU's, negative when it is behind; undefined as long as no answer told, and when the clock was set since. */
  get seconds (): number | undefined {
    if (this.#last === undefined) return undefined
    const { at, seconds } = this.#last
    const now = instant(this.#clock)
    return Math.abs((now.wall - at.wall) - (now.monotonic - at.monotonic)) > MAX_MOVE_MS ? undefined : seconds
  }
}
