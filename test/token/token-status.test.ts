import { test } from 'tap'
import type { TokenCallOutcome } from '../../src/amsu/observed-token-api.ts'
import { observeTokenApi } from '../../src/amsu/observed-token-api.ts'
import { TokenCallError, type TokenApi } from '../../src/amsu/token-api.ts'
import { instant } from '../../src/clock.ts'
import { Secret } from '../../src/secrets/secret.ts'
import { tokenStatus, type TokenStatusInputs } from '../../src/token/token-status.ts'
import { FakeClock } from '../support/fake-clock.ts'

const HOUR_MS = 3_600_000

function knowledge (clock: FakeClock, changes: Partial<TokenStatusInputs> = {}): TokenStatusInputs {
  return {
    token: { issuedAt: instant(clock), lifeMs: 24 * HOUR_MS },
    renewAtMs: 19 * HOUR_MS,
    refreshTokenIssuedAt: instant(clock),
    backoff: { failure: undefined, failures: 0, leftMs: () => 0 },
    lastFailure: undefined,
    isCalling: false,
    areNewCredentialsRejected: false,
    ...changes,
  }
}

test('the status has expiry, renewal time and lifetime of the access token, and so of the refresh token', async t => {
  const clock = new FakeClock()
  const known = knowledge(clock)
  await clock.advance(HOUR_MS + 400)
  t.strictSame(tokenStatus(known, clock), {
    reason: 'ok', tokenExpiresInSeconds: 23 * 3600 - 1, tokenLifeSeconds: 86_400, tokenRenewsInSeconds: 18 * 3600, refreshTokenExpiresInSeconds: (30 * 24 - 1) * 3600, isRenewing: false, failure: null, failureCode: null, failureStatus: null, areNewCredentialsRejected: false, consecutiveFailures: 0, nextAttemptInSeconds: null,
  })
  await clock.advance(20 * HOUR_MS)
  t.match(tokenStatus({ ...known, isCalling: true }, clock), { reason: 'ok', tokenRenewsInSeconds: 0, isRenewing: true })
})

test('without a token the status has none, and the reason says why', async t => {
  const clock = new FakeClock()
  for (const [renewAtMs, failure, reason] of [[0, undefined, 'starting'], [0, 'transient', 'starting'], [5, undefined, 'token_expired'], [5, 'transient', 'token_expired'], [0, 'rejected', 'credentials_rejected'], [5, 'rejected', 'credentials_rejected']] as const) {
    const status = tokenStatus(knowledge(clock, { token: undefined, refreshTokenIssuedAt: undefined, renewAtMs, backoff: { failure, failures: 2, leftMs: () => 1_200 } }), clock)
    t.match(status, { reason, tokenExpiresInSeconds: null, tokenLifeSeconds: null, tokenRenewsInSeconds: null, refreshTokenExpiresInSeconds: null, failure: failure ?? null, consecutiveFailures: 2 })
    t.equal(status.nextAttemptInSeconds, failure === undefined ? null : 2)
  }
})

test('while an attempt is in flight there is no next one, and a wait that is over is not shown as negative', async t => {
  const clock = new FakeClock()
  const backoff = { failure: 'transient', failures: 1, leftMs: () => -5_000 } as const
  t.equal(tokenStatus(knowledge(clock, { backoff }), clock).nextAttemptInSeconds, 0)
  t.equal(tokenStatus(knowledge(clock, { backoff, isCalling: true }), clock).nextAttemptInSeconds, null)
})

test('a failure is shown by the code of the connection or the status of the response, as long as it lasts', async t => {
  const clock = new FakeClock()
  const backoff = { failure: 'transient', failures: 1, leftMs: () => 0 } as const
  t.match(tokenStatus(knowledge(clock, { backoff, lastFailure: { code: 'ECONNREFUSED', status: undefined } }), clock), { failure: 'transient', failureCode: 'ECONNREFUSED', failureStatus: null })
  t.match(tokenStatus(knowledge(clock, { backoff, lastFailure: { code: undefined, status: 502 } }), clock), { failure: 'transient', failureCode: null, failureStatus: 502 })
  t.match(tokenStatus(knowledge(clock, { lastFailure: { code: 'ECONNREFUSED', status: undefined } }), clock), { failure: null, failureCode: null, failureStatus: null }, 'it is over')
})

test('the end of each token call is reported once, and the call ends as it would', async t => {
  const told: Array<[string, TokenCallOutcome]> = []
  const grant = { accessToken: new Secret('a'), lifeMs: 1, refreshToken: undefined, issuedAt: { wall: 0, monotonic: 0 } }
  const refused = new TokenCallError('refresh_put', 'method_blocked', 'test')
  const api: TokenApi = {
    issue: async () => grant,
    async refresh (call) { if (call === 'refresh_put') throw refused; throw new TypeError('a defect') },
  }
  const observed = observeTokenApi(api, (call, outcome) => { told.push([call, outcome]) })
  t.equal(await observed.issue({ clientId: new Secret('i'), clientSecret: new Secret('s') }), grant)
  await t.rejects(observed.refresh('refresh_put', new Secret('r')), refused)
  await t.rejects(observed.refresh('refresh_post', new Secret('r')), TypeError)
  t.strictSame(told, [['credentials', 'ok'], ['refresh_put', 'method_blocked'], ['refresh_post', 'transient']])
})
