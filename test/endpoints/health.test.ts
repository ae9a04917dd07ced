import { test } from 'tap'
import { readiness, warningsOf, type HealthInputs } from '../../src/endpoints/health.ts'

test('the proxy is ready while a usable token is held and it is not shutting down', async t => {
  for (const [reason, tokenExpiresInSeconds, isDraining, expected] of [
    ['ok', 86_400, false, { ready: true, reason: 'ok', tokenExpiresInSeconds: 86_400 }],
    ['ok', 0, false, { ready: true, reason: 'ok', tokenExpiresInSeconds: 0 }],
    ['starting', null, false, { ready: false, reason: 'starting', tokenExpiresInSeconds: null }],
    ['token_expired', null, false, { ready: false, reason: 'token_expired', tokenExpiresInSeconds: null }],
    ['credentials_rejected', null, false, { ready: false, reason: 'credentials_rejected', tokenExpiresInSeconds: null }],
    ['ok', 86_400, true, { ready: false, reason: 'draining', tokenExpiresInSeconds: 86_400 }],
    ['starting', null, true, { ready: false, reason: 'draining', tokenExpiresInSeconds: null }],
    ['credentials_rejected', null, true, { ready: false, reason: 'draining', tokenExpiresInSeconds: null }],
  ] as const) {
    t.strictSame(readiness({ reason, tokenExpiresInSeconds }, isDraining, []), expected, `${reason}${isDraining ? ', draining' : ''}`)
  }
})

test('a warning does not change the readiness; without one the response has three fields, in their order', async t => {
  const token = { reason: 'ok', tokenExpiresInSeconds: 86_400 } as const
  t.equal(JSON.stringify(readiness(token, false, [])), '{"ready":true,"reason":"ok","tokenExpiresInSeconds":86400}')
  t.equal(JSON.stringify(readiness(token, false, ['clock_off'])), '{"ready":true,"reason":"ok","tokenExpiresInSeconds":86400,"warnings":["clock_off"]}')
  t.strictSame(readiness(token, true, ['clock_off']), { ready: false, reason: 'draining', tokenExpiresInSeconds: 86_400, warnings: ['clock_off'] })
  t.strictSame(readiness({ reason: 'starting', tokenExpiresInSeconds: null }, false, ['clock_off']), { ready: false, reason: 'starting', tokenExpiresInSeconds: null, warnings: ['clock_off'] })
})

test('what is warned of: secret, network, quota and clock, and nothing that the reason says already', async t => {
  const calm: HealthInputs = { token: { reason: 'ok', failure: null, failureCode: null, failureStatus: null, areNewCredentialsRejected: false }, lastRequest: undefined, quota: undefined, clockSkewSeconds: undefined }
  const unreachable = { endedAt: 2_000, errorCode: 'UPSTREAM_UNREACHABLE' } as const
  const families = [{ family: 'hrv_analysis', remaining: 0 }, { family: 'health_analysis', remaining: -1 }, { family: 'calorie_analysis', remaining: 1 }]
  for (const [name, changes, expected] of [
    ['nothing is known yet', {}, []],
    ['all is well', { lastRequest: { endedAt: 2_000, errorCode: undefined }, quota: { readAt: 1_000, families: families.slice(1) }, clockSkewSeconds: 30 }, []],
    ['no connection for a token', { token: { reason: 'starting', failure: 'transient', failureCode: 'ECONNREFUSED', failureStatus: null } }, ['token_call_failed:ECONNREFUSED']],
    ['the token call got a status', { token: { reason: 'ok', failure: 'transient', failureCode: null, failureStatus: 502 } }, ['token_call_failed:502']],
    ['AMSU rejects the credentials while the old token lasts', { token: { reason: 'ok', failure: 'rejected', failureCode: null, failureStatus: 401 } }, ['credentials_rejected']],
    ['likewise, and the token has ended: the reason says it', { token: { reason: 'credentials_rejected', failure: 'rejected', failureCode: null, failureStatus: 401 } }, []],
    ['AMSU rejects new credentials while the old ones serve', { token: { reason: 'ok', failure: null, areNewCredentialsRejected: true } }, ['new_credentials_rejected']],
    ['the last request found no connection', { lastRequest: unreachable }, ['amsu_unreachable']],
    ['AMSU was slow, which is no lack of a connection', { lastRequest: { ...unreachable, errorCode: 'UPSTREAM_TIMEOUT' } }, []],
    ['the quota was read before it', { lastRequest: unreachable, quota: { readAt: 1_000, families: [] } }, ['amsu_unreachable']],
    ['the quota was read since', { lastRequest: unreachable, quota: { readAt: 3_000, families: [] } }, []],
    ['a family is at 0', { quota: { readAt: 1_000, families } }, ['quota_empty:hrv_analysis']],
    ['a clock ahead', { clockSkewSeconds: 31 }, ['clock_off']],
    ['a clock behind', { clockSkewSeconds: -7_200 }, ['clock_off']],
    ['two at once', { quota: { readAt: 1_000, families }, clockSkewSeconds: 31 }, ['quota_empty:hrv_analysis', 'clock_off']],
  ] as Array<[string, Partial<HealthInputs>, string[]]>) t.strictSame(warningsOf({ ...calm, ...changes, token: { ...calm.token, ...changes.token } }), expected, name)
})
