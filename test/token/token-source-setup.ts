/**
 * A token source with a fake clock, and calls that the test ends.
 */
import { TokenCallError, type Credentials, type TokenApi, type TokenGrant } from '../../src/amsu/token-api.ts'
import type { TokenCall, TokenCallFailureKind } from '../../src/amsu/token-call.ts'
import { instant, type Instant } from '../../src/clock.ts'
import { Secret } from '../../src/secrets/secret.ts'
import { TokenSource } from '../../src/token/token-source.ts'
import { FakeClock, settled } from '../support/fake-clock.ts'

/** A log that nobody reads. */
export const silentLog = { info () {}, warn () {}, error () {} } as never

/** A day in milliseconds: the lifetime of AMSU's tokens. */
export const DAY_MS = 86_400_000

/** The signal of a client that never disconnects. */
export const staying = (): AbortSignal => new AbortController().signal

/** Credentials with this secret. */
export function credentialsOf (secret: string): Credentials {
  return { clientId: new Secret('client'), clientSecret: new Secret(secret) }
}

/** A token source whose calls end when the test ends them. */
// The shape is inferred: naming it would repeat every line.
export function setUp ({ lifeMs = DAY_MS, tokenWaitMs = 5_000, random = 0.5 } = {}) {
  const clock = new FakeClock()
  const calls: TokenCall[] = []
  const lines: string[] = []
  const secrets: string[] = []
  let pending: Array<{ call: TokenCall, settle: (result: TokenGrant | TokenCallError) => void }> = []
  const tried: string[] = []
  const begin = async (call: TokenCall, signal?: AbortSignal): Promise<TokenGrant> => await new Promise((resolve, reject) => {
    calls.push(call)
    const begun = { call, settle: (result: TokenGrant | TokenCallError) => { if (result instanceof TokenCallError) reject(result); else resolve(result) } }
    pending.push(begun)
    signal?.addEventListener('abort', () => {
      pending = pending.filter(other => other !== begun)
      reject(new TokenCallError(call, 'connection_lost', 'aborted'))
    })
  })
  const api: TokenApi = {
    async issue ({ clientSecret }, signal) {
      tried.push(clientSecret.reveal())
      return await begin('credentials', signal)
    },
    refresh: async call => await begin(call),
  }
  const line = (fields: unknown, text?: string): void => { lines.push(text ?? String(fields)) }
  const source = new TokenSource({ api, credentials: credentialsOf('old-secret'), clock, random: () => random, log: { info: line, warn: line, error: line } as never, onSecret: (name, secret) => { secrets.push(`${name}=${secret.reveal()}`) }, tokenWaitMs })
  let count = 0
  async function settle (result: TokenGrant | TokenCallError): Promise<void> {
    const [first, ...rest] = pending
    if (first === undefined) throw new Error('no call is in flight')
    pending = rest
    first.settle(result)
    await settled()
  }
  return {
    clock,
    calls,
    tried,
    lines,
    secrets,
    source,
    isCalling: () => pending.length > 0,
    grant: async (options: { lifeMs?: number, withRefresh?: boolean, issuedAt?: Instant } = {}) => {
      count++
      await settle({ accessToken: new Secret(`access-${count}`), lifeMs: options.lifeMs ?? lifeMs, refreshToken: options.withRefresh === false ? undefined : new Secret(`refresh-${count}`), issuedAt: options.issuedAt ?? instant(clock) })
    },
    refuse: async (kind: TokenCallFailureKind, retryAfterMs = 0, code?: string) => { await settle(new TokenCallError(calls.at(-1) as TokenCall, kind, 'test', { retryAfterMs, code })) },
  }
}
