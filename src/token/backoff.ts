/**
 * When the next attempt may be made: after a success a moment later, after failures later and later.
 */
import { type Clock, elapsedMs, instant, type Instant } from '../clock.ts'
import { retryDelayMs, type FailureKind } from './refresh-policy.ts'

/** Renewals follow one another at least this far apart, however short AMSU makes its tokens live. */
const MIN_GAP_MS = 1_000

/** The pause between attempts and the failures that made it long. Sleep counts: it is measured on both clocks. */
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

  /** How the last attempt failed, or undefined if it did not. */
  get failure (): FailureKind | undefined {
    return this.#kind
  }

  /** Failed attempts in a row. */
  get failures (): number {
    return this.#failures
  }

  /** Milliseconds until the next attempt; zero or less when it may be made now. */
  leftMs (): number {
    return this.#pauseMs - elapsedMs(this.#since, this.#clock)
  }

  /** Lets the next attempt be made at once. */
  skip (): void {
    this.#pauseMs = 0
  }

  succeed (): void {
    this.#kind = undefined
    this.#failures = 0
    this.#pause(MIN_GAP_MS)
  }

  /** @param retryAfterMs what AMSU asked for, or 0 */
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
