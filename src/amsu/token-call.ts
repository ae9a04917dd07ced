/**
 * Token calls of AMSU: their names, kinds of failure, and token lifetimes.
 */

/** The two calls that use a refresh token. */
export type RefreshCall = 'refresh_put' | 'refresh_post'

/** The three calls that get a token. */
export type TokenCall = 'credentials' | RefreshCall

/**
 * Why a call got no token. `rejected`: AMSU does not accept the credentials. `method_blocked`: a firewall or front end blocks this method.
 * `connection_lost`: the connection broke or timed out after it was open. `transient`: anything else; a later attempt may succeed.
 */
export type TokenCallFailureKind = 'rejected' | 'method_blocked' | 'connection_lost' | 'transient'

/** A refresh token is valid for 30 days (AMSU's page on tokens). */
export const REFRESH_LIFE_MS = 30 * 24 * 3_600_000

/** A refresh token is not used in its last hour. */
export const REFRESH_MARGIN_MS = 3_600_000

/** Upper limit of an access token's lifetime: its refresh token must not expire before it is renewed. */
const MAX_LIFE_MS = REFRESH_LIFE_MS - REFRESH_MARGIN_MS

/**
 * The lifetime of a token in milliseconds, from AMSU's `expires_in`.
 *
 * @param expiresInSeconds a positive, finite number of seconds
 */
export function tokenLifeMs (expiresInSeconds: number): number {
  return Math.min(expiresInSeconds * 1000, MAX_LIFE_MS)
}
