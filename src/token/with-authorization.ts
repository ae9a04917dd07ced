/**
 * Adds the `Authorization` header with AMSU's token. Only this function puts the access token into a request.
 */
import type { AccessToken } from './access-token.ts'

/** Returns flat headers with `Authorization` added last. `headers` must not hold one. */
export function withAuthorization (headers: readonly string[], token: AccessToken): string[] {
  return [...headers, 'authorization', token.authorization]
}
