/**
 * One access token of AMSU and what is known of its life. The string itself leaves through one door, `authorization`, which
 * the relay opens in one line.
 */
import { inspect } from 'node:util'
import type { Instant } from '../clock.ts'
import { REDACTED, type Secret } from '../secrets/secret.ts'

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
