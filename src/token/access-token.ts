/**
 * An access token of AMSU with its lifetime. Only `authorization` reveals the token; with-authorization.ts is the only code that reads it.
 */
import { inspect } from 'node:util'
import type { Instant } from '../clock.ts'
import { REDACTED, type Secret } from '../secrets/secret.ts'

/** A bearer token (RFC 6750) with its time of issue and lifetime. */
export class AccessToken {
  /** When the token call was sent, so that the network time counts as part of the lifetime. */
  readonly issuedAt: Instant
  /** Lifetime from AMSU's `expires_in`, in milliseconds. */
  readonly lifeMs: number
  readonly #authorization: string

  constructor (secret: Secret, issuedAt: Instant, lifeMs: number) {
    this.#authorization = `Bearer ${secret.reveal()}`
    this.issuedAt = issuedAt
    this.lifeMs = lifeMs
  }

  /** The value of the `Authorization` header. AMSU requires `Bearer` with a capital B, whatever `token_type` says. */
  get authorization (): string {
    return this.#authorization
  }

  /** Whether it is the same token for AMSU, issued again perhaps. */
  isSameAs (other: AccessToken): boolean {
    return this.#authorization === other.#authorization
  }

  toJSON (): string {
    return REDACTED
  }

  [inspect.custom] (): string {
    return `AccessToken { ${REDACTED} }`
  }
}
