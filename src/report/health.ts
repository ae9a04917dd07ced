/**
 * What the health endpoints say: pure functions of what is known here. Neither makes a call: a readiness that follows a
 * dependency takes whole fleets out of service.
 */
import type { TokenStatus } from '../token/token-status.ts'

/** The answer of `/readyz`. */
export interface Readiness {
  readonly ready: boolean
  readonly reason: TokenStatus['reason'] | 'draining'
  readonly tokenExpiresInSeconds: number | null
}

/** Ready while a usable token is held and the proxy is not shutting down. */
export function readiness ({ reason, tokenExpiresInSeconds }: Pick<TokenStatus, 'reason' | 'tokenExpiresInSeconds'>, isDraining: boolean): Readiness {
  if (isDraining) return { ready: false, reason: 'draining', tokenExpiresInSeconds }
  return { ready: reason === 'ok', reason, tokenExpiresInSeconds }
}
