/**
 * Token renewal policy: when a token is renewed, by which calls (refresh or credentials), and the retry delay after a failure. Pure
 * functions of numbers; token-source.ts acts on them.
 */
import { REFRESH_LIFE_MS, REFRESH_MARGIN_MS, type TokenCall, type TokenCallFailureKind } from '../amsu/token-call.ts'

/** The state of a token. `fresh`: use it. `stale`: use it and renew it in the background. `expired`: wait for a new one. */
export type TokenState = 'fresh' | 'stale' | 'expired'

/** Why an attempt, of one call or several, got no token. `rejected` lasts until somebody acts; after `transient` a later attempt may succeed. */
export type FailureKind = 'rejected' | 'transient'

/** A token is renewed at about this share of its lifetime. */
const RENEW_AT_SHARE = 0.8

/** Jitter in either direction, as a share of the lifetime: replicas that started together must not renew together. */
const JITTER_SHARE = 0.05

/** A token is renewed at the latest this long before it expires, so that a long upload still starts with a valid token. */
const LATEST_AHEAD_MS = 60_000

/** Tokens with a shorter lifetime, which only tests and mistakes have, are renewed at half of it. */
const SHORT_LIFE_MS = 90_000

/** Upper limit of {@link expiryMarginMs}: a token must still be valid when it arrives at AMSU. */
const MAX_MARGIN_MS = 10_000

/** First and longest delay after a transient failure. */
const MIN_RETRY_MS = 1_000
const MAX_RETRY_MS = 30_000

/** Delay after AMSU rejected our credentials: only a person can fix that. */
const REJECTED_RETRY_MS = 60_000

/** Upper limit of an honoured `Retry-After`: a front end that sends a day is misconfigured. */
const MAX_RETRY_AFTER_MS = 15 * 60_000

/** How long the PUT is skipped after it was blocked. */
const METHOD_MEMORY_MS = 6 * 3_600_000

/**
 * The age at which a token is renewed, in milliseconds.
 *
 * @param lifeMs its lifetime
 * @param random a number in [0, 1) for the jitter
 */
export function renewAtAgeMs (lifeMs: number, random: number): number {
  const jitterMs = (random * 2 - 1) * JITTER_SHARE * lifeMs
  if (lifeMs < SHORT_LIFE_MS) return lifeMs / 2 + jitterMs
  return Math.min(lifeMs * RENEW_AT_SHARE + jitterMs, lifeMs - LATEST_AHEAD_MS)
}

/** How long before it expires a token is no longer sent, in milliseconds. */
export function expiryMarginMs (lifeMs: number): number {
  return Math.min(MAX_MARGIN_MS, lifeMs / 10)
}

/** The state of a token of this age; `renewAtMs` is its {@link renewAtAgeMs}. */
export function tokenState (ageMs: number, lifeMs: number, renewAtMs: number): TokenState {
  if (ageMs >= lifeMs - expiryMarginMs(lifeMs)) return 'expired'
  return ageMs >= renewAtMs ? 'stale' : 'fresh'
}

/** Remaining lifetime of a refresh token of this age, in milliseconds. */
export function refreshTokenLeftMs (ageMs: number): number {
  return REFRESH_LIFE_MS - ageMs
}

/** Whether a refresh token of this age may still be used. */
export function isRefreshTokenUsable (ageMs: number): boolean {
  return refreshTokenLeftMs(ageMs) > REFRESH_MARGIN_MS
}

/**
 * The delay before the next attempt, in milliseconds: exponential with full jitter, so that many replicas do not retry together.
 *
 * @param failures failed attempts in a row, at least 1
 * @param random a number in [0, 1)
 * @param retryAfterMs the `Retry-After` of the response, if it had one
 */
export function retryDelayMs (kind: FailureKind, failures: number, random: number, retryAfterMs = 0): number {
  const ceilingMs = Math.min(MAX_RETRY_MS, MIN_RETRY_MS * 2 ** Math.min(failures, 16))
  const backoffMs = kind === 'rejected' ? REJECTED_RETRY_MS : MIN_RETRY_MS + random * (ceilingMs - MIN_RETRY_MS)
  return Math.max(backoffMs, Math.min(retryAfterMs, MAX_RETRY_AFTER_MS))
}

/** What the failure of a call says of the attempt. */
export function failureKind (kind: TokenCallFailureKind): FailureKind {
  return kind === 'rejected' ? 'rejected' : 'transient'
}

/** Inputs of {@link nextAttempt}. */
export interface AttemptChoice {
  readonly tokenState: TokenState
  /** The last failure of the credentials in use, and whether they pause. */
  readonly failure: FailureKind | undefined
  readonly isPaused: boolean
  /** Whether there are new credentials that do not pause. */
  readonly isCandidateDue: boolean
}

/**
 * The attempt to make now: a renewal with the credentials in use, a trial of new ones, or none. The new ones go first, except when requests
 * wait for a token: then those that got one before do, unless AMSU has rejected them.
 */
export function nextAttempt ({ tokenState, failure, isPaused, isCandidateDue }: AttemptChoice): 'renewal' | 'candidate' | undefined {
  const isRenewalDue = tokenState !== 'fresh' && !isPaused
  if (isRenewalDue && tokenState === 'expired' && failure !== 'rejected') return 'renewal'
  if (isCandidateDue) return 'candidate'
  return isRenewalDue ? 'renewal' : undefined
}

/** Inputs of {@link renewalPlan}. Ages are in milliseconds; undefined means none. */
export interface RenewalSituation {
  readonly refreshTokenAgeMs: number | undefined
  readonly putBlockedAgeMs: number | undefined
  readonly isTokenUsable: boolean
  /** Whether the attempt before this one failed. */
  readonly hasFailed: boolean
}

/**
 * The calls to try, in order. The client secret is sent last. But if no token is usable and the last attempt failed, it is sent at once,
 * without another refresh call.
 */
export function renewalPlan ({ refreshTokenAgeMs, putBlockedAgeMs, isTokenUsable, hasFailed }: RenewalSituation): TokenCall[] {
  if (refreshTokenAgeMs === undefined || !isRefreshTokenUsable(refreshTokenAgeMs) || (hasFailed && !isTokenUsable)) return ['credentials']
  const isPutBlocked = putBlockedAgeMs !== undefined && putBlockedAgeMs < METHOD_MEMORY_MS
  return isPutBlocked ? ['refresh_post', 'credentials'] : ['refresh_put', 'refresh_post', 'credentials']
}

/** Whether the call `next` of a plan may succeed after the call before it failed. */
export function isWorthTrying (next: TokenCall, failure: TokenCallFailureKind, isTokenUsable: boolean): boolean {
  if (failure === 'transient') return false
  if (next === 'refresh_post') return failure !== 'rejected'
  // While the old token is usable, a lost connection causes a later retry instead of sending the secret.
  return failure !== 'connection_lost' || !isTokenUsable
}
