/**
 * Token calls that somebody hears of: what was called, and what came of it.
 */
import { toCallError, type TokenApi, type TokenGrant } from './token-api.ts'
import type { TokenCall, TokenCallFailureKind } from './token-call.ts'

/** How a token call ended: with a token, or why not. */
export type TokenCallOutcome = 'ok' | TokenCallFailureKind

/** Makes the calls of `api`, and tells the end of each to `onCall`. */
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
    issue: async credentials => await observe('credentials', api.issue(credentials)),
    refresh: async (call, refreshToken) => await observe(call, api.refresh(call, refreshToken)),
  }
}
