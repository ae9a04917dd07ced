import { test } from 'tap'
import { readiness } from '../../src/report/health.ts'

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
    t.strictSame(readiness({ reason, tokenExpiresInSeconds }, isDraining), expected, `${reason}${isDraining ? ', draining' : ''}`)
  }
})
