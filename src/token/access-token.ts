/**
 * One access token of AMSU and what is known of its life. The string itself leaves through one door, `authorization`, which
 * the relay opens in one line.
 */
import { inspect } from 'node:util'
import type { Clock } from '../clock.ts'
import { REDACTED, type Secret } from '../secrets/secret.ts'

/**
 * An instant on both clocks. What has elapsed since then is the larger of the two differences: the wall clock counts a
 * laptop's sleep, the monotonic clock can not be set back.
 */
export interface Instant {
  /** Milliseconds since the Unix epoch. */
  readonly wall: number
  /** Milliseconds of the monotonic clock. */
  readonly monotonic: number
}

/** Reads both clocks. */
export function instant (clock: Pick<Clock, 'wall' | 'monotonic'>): Instant {
  return { wall: clock.wall(), monotonic: clock.monotonic() }
}

/** Milliseconds that have surely or possibly gone by since `then`; never negative. */
export function elapsedMs (then: Instant, clock: Clock): number {
  return Math.max(clock.wall() - then.wall, clock.monotonic() - then.monotonic, 0)
}

/** A bearer token (RFC 6750) with its birth and life. */
export class AccessToken {
  /** When the call that brought it was sent, so that its time on the wire counts against it. */
  readonly issuedAt: Instant
  /** Life as AMSU stated it, in milliseconds. */
  readonly lifeMs: number
  readonly #authorization: string

  constructor (secret: Secret, issuedAt: Instant, lifeMs: number) {
    this.#authorization = `Bearer ${secret.reveal()}`
    this.issuedAt = issuedAt
    this.lifeMs = lifeMs
  }

  /** The value of the `Authorization` header. AMSU wants `Bearer` with a capital, whatever `token_type` says. */
  get authorization (): string {
    return this.#authorization
  }

  toJSON (): string {
    return REDACTED
  }

  [inspect.custom] (): string {
    return `AccessToken { ${REDACTED} }`
  }
}
