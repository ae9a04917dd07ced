/**
 * The one door through which the token leaves for anything but a token call.
 */
import type { AccessToken } from './access-token.ts'

/** Headers, flat, with the token set last, over whatever anybody else put there. They must not hold an `Authorization` yet. */
export function withAuthorization (headers: readonly string[], token: AccessToken): string[] {
  return [...headers, 'authorization', token.authorization]
}
