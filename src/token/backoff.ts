/**
 * Exponential backoff with jitter: when the next attempt to get a token may be made.
 */
import { type Clock, elapsedMs, instant, type Instant } from '../clock.ts'
import { retryDelayMs, type FailureKind } from './renewal-policy.ts'

/** Minimum time between renewals, however short AMSU's token lifetime is. */
const MIN_GAP_MS = 1_000

/** The pause between attempts, and the failures in a row. It is measured on both clocks, so that time asleep counts. */
export class Backoff {
  readonly #clock: Clock
  readonly #random: () => number
  #since: Instant
  #pauseMs = 0
  #kind: FailureKind | undefined
  #failures = 0

  constructor (clock: Clock, random: () => number) {
    this.#clock = clock
    this.#random = random
    this.#since = instant(clock)
  }

  /** The kind of the last attempt's failure, or undefined if it succeeded. */
  get failure (): FailureKind | undefined {
    return this.#kind
  }

  /** Failed attempts in a row. */
  get failures (): number {
    return this.#failures
  }

  /** Milliseconds until the next attempt; zero or less if it may be made now. */
  leftMs (): number {
    return this.#pauseMs - elapsedMs(this.#since, this.#clock)
  }

  /** Ends the pause: the next attempt may be made at once. */
  skip (): void {
    this.#pauseMs = 0
  }

  succeed (): void {
    this.#kind = undefined
    this.#failures = 0
    this.#pause(MIN_GAP_MS)
  }

  /** @param retryAfterMs AMSU's `Retry-After`, or 0 */
  fail (kind: FailureKind, retryAfterMs: number): void {
    this.#kind = kind
    this.#failures++
    this.#pause(retryDelayMs(kind, this.#failures, this.#random(), retryAfterMs))
  }

  #pause (ms: number): void {
    this.#since = instant(this.#clock)
    this.#pauseMs = ms
  }
}
