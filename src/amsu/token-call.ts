/**
 * The token calls of AMSU: their names, what a failed one means, and how long the tokens they bring live.
 */

/** The two ways to a token by a refresh token. */
export type RefreshCall = 'refresh_put' | 'refresh_post'

/** The three ways to a token. */
export type TokenCall = 'credentials' | RefreshCall

/**
 * Why a call brought no token. `rejected`: AMSU does not accept the credential. `method_blocked`: something on the way does not let
 * this method pass. `connection_lost`: the connection broke or fell silent after it was made. `transient`: anything else, it may pass.
 */
export type TokenCallFailureKind = 'rejected' | 'method_blocked' | 'connection_lost' | 'transient'

/** A refresh token is good for 30 days (AMSU's page on tokens). */
export const REFRESH_LIFE_MS = 30 * 24 * 3_600_000

/** The last hour of a refresh token is left unused. */
export const REFRESH_MARGIN_MS = 3_600_000

/** The longest life that is believed: the refresh token must not die meanwhile. */
const MAX_LIFE_MS = REFRESH_LIFE_MS - REFRESH_MARGIN_MS

/**
 * The life of a token, in milliseconds, from AMSU's `expires_in`.
 *
 * @param expiresInSeconds a positive, finite number of seconds
 */
export function tokenLifeMs (expiresInSeconds: number): number {
  return Math.min(expiresInSeconds * 1000, MAX_LIFE_MS)
}
