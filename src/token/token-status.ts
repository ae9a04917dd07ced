/**
 * What is told of the token to people and probes: a pure function of what is known.
 */
import type { FailureKind } from './refresh-policy.ts'

/** What `/readyz` tells about the token. */
export interface TokenStatus {
  readonly reason: 'ok' | 'starting' | 'token_expired' | 'credentials_rejected'
  /** Whole seconds until the token's end, or null when none is usable. */
  readonly tokenExpiresInSeconds: number | null
}

/**
 * Tells the state of the token.
 *
 * @param leftMs milliseconds until the end of the usable token; undefined when there is none
 * @param hadToken whether there ever was one
 */
export function tokenStatus (leftMs: number | undefined, hadToken: boolean, failure: FailureKind | undefined): TokenStatus {
  if (leftMs !== undefined) return { reason: 'ok', tokenExpiresInSeconds: Math.floor(leftMs / 1000) }
  if (failure === 'rejected') return { reason: 'credentials_rejected', tokenExpiresInSeconds: null }
  return { reason: hadToken ? 'token_expired' : 'starting', tokenExpiresInSeconds: null }
}
