/**
 * Token API decorator that reports the outcome of each token call, for metrics.
 */
import { toCallError, type TokenApi, type TokenGrant } from './token-api.ts'
import type { TokenCall, TokenCallFailureKind } from './token-call.ts'

/** The outcome of a token call: `ok`, or the kind of failure. */
export type TokenCallOutcome = 'ok' | TokenCallFailureKind

/** Wraps `api` and reports the outcome of each call to `onCall`. */
export function observeTokenApi (api: TokenApi, onCall: (call: TokenCall, outcome: TokenCallOutcome) => void): TokenApi {
  async function observe (call: TokenCall, grant: Promise<TokenGrant>): Promise<TokenGrant> {
    try {
      const granted = await grant
      onCall(call, 'ok')
      return granted
    } catch (error) {
      onCall(call, toCallError(call, error).kind)
      throw error
    }
  }
  return {
    issue: async (credentials, signal) => await observe('credentials', api.issue(credentials, signal)),
    refresh: async (call, refreshToken) => await observe(call, api.refresh(call, refreshToken)),
  }
}
