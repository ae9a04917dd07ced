/**
 * Adds the `Authorization` header with AMSU's token. Only this function puts the access token into a request.
 */
import type { AccessToken } from './access-token.ts'

/** Returns flat headers that begin with `Authorization`: a server may ignore the last of very many. `headers` must not hold one. */
export function withAuthorization (headers: readonly string[], token: AccessToken): string[] {
  return ['authorization', token.authorization, ...headers]
}
