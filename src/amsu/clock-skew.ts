/**
 * Clock skew between this machine and AMSU, measured by the `Date` header of AMSU's responses (RFC 9110 section 6.6.1).
 */
import type { BaseLogger } from 'pino'
import { type Clock, instant, type Instant } from '../clock.ts'
import type { ApiResponseHead } from '../upstream/api-client.ts'

/** Skew that causes a warning, in seconds; `Date` itself is exact to a second. */
const MAX_SKEW_SECONDS = 30

/** If the wall clock has moved this much against the monotonic clock, it was set or the machine slept, and the measurement is void. */
const MAX_MOVE_MS = 10_000

/** Seconds by which this clock is ahead of AMSU's, negative if it is behind; undefined without a valid `Date`. */
export function skewSeconds ({ headers }: Pick<ApiResponseHead, 'headers'>, wallNow: number): number | undefined {
  const date = Date.parse(String(headers['date']))
  return Number.isNaN(date) ? undefined : Math.round((wallNow - date) / 1000)
}

/** Whether a skew is large enough for a warning; an unknown skew is not. */
export function isOff (skew: number | undefined): boolean {
  return skew !== undefined && Math.abs(skew) > MAX_SKEW_SECONDS
}

/** Stores the skew of the last response, and logs a warning when it becomes too large: once, and again after it was right in between. */
export class ClockSkew {
  readonly #clock: Pick<Clock, 'wall' | 'monotonic'>
  readonly #log: Pick<BaseLogger, 'warn'>
  #last: { readonly at: Instant, readonly seconds: number } | undefined

  constructor (clock: Pick<Clock, 'wall' | 'monotonic'>, log: Pick<BaseLogger, 'warn'>) {
    this.#clock = clock
    this.#log = log
  }

  /** Takes the head of a response of AMSU. Bound, so that it can be passed as a callback. */
  onResponseHead = (head: Pick<ApiResponseHead, 'headers'>): void => {
    const at = instant(this.#clock)
    const seconds = skewSeconds(head, at.wall)
    if (seconds === undefined) return
    if (isOff(seconds) && !isOff(this.#last?.seconds)) this.#log.warn({ clockSkewSeconds: seconds }, `the clock of this machine is ${seconds > 0 ? 'ahead of' : 'behind'} the clock of AMSU: set it, certificates and the times in the log depend on it`)
    this.#last = { at, seconds }
  }

  /** Seconds by which this clock is ahead of AMSU's, negative if it is behind; undefined before the first measurement, and after the clock was set. */
  get seconds (): number | undefined {
    if (this.#last === undefined) return undefined
    const { at, seconds } = this.#last
    const now = instant(this.#clock)
    return Math.abs((now.wall - at.wall) - (now.monotonic - at.monotonic)) > MAX_MOVE_MS ? undefined : seconds
  }
}
