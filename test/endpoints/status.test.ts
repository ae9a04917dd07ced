import { test } from 'tap'
import { preferredLanguage, prefersJson } from '../../src/endpoints/negotiation.ts'
import { languages, words } from '../../src/endpoints/status-page/words.ts'
import { describe, firstCall, stateOf, type StatusInputs } from '../../src/endpoints/status.ts'
import { createMasker } from '../../src/secrets/masker.ts'
import { REDACTED, Secret } from '../../src/secrets/secret.ts'
import { Telemetry } from '../../src/telemetry/telemetry.ts'
import type { TokenStatus } from '../../src/token/token-status.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { outcomeOf } from '../telemetry/outcomes.ts'

const TOKEN: TokenStatus = {
  reason: 'ok', tokenExpiresInSeconds: 86_000, tokenLifeSeconds: 86_400, tokenRenewsInSeconds: 69_000, refreshTokenExpiresInSeconds: 2_591_600, isRenewing: false, failure: null, failureCode: null, failureStatus: null, areNewCredentialsRejected: false, consecutiveFailures: 0, nextAttemptInSeconds: null,
}

function sources (clock = new FakeClock(), changes: Partial<StatusInputs> = {}): StatusInputs {
  return {
    telemetry: new Telemetry(clock),
    build: { version: '1.2.3', node: 'v20.19.0' },
    tokenStatus: () => TOKEN,
    clockSkewSeconds: () => 2,
    isDraining: () => false,
    inFlight: () => 2,
    quota: { isOn: true, isFailing: false, reading: undefined },
    settings: [{ name: 'PORT', value: '8080', isDefault: true }],
    listenerAddress: () => ({ isTls: false, socketPath: undefined, port: undefined, needsCaller: false }),
    mask: text => text,
    now: clock.wall,
    ...changes,
  }
}

test('the state is one word, and what an operator must act on comes first', async t => {
  for (const [reason, failure, isRenewing, isDraining, expected] of [
    ['ok', null, false, false, 'serving'], ['ok', null, true, false, 'renewing'], ['token_expired', null, true, false, 'renewing'], ['token_expired', null, false, false, 'renewing'],
    ['starting', null, true, false, 'starting'], ['starting', 'transient', true, false, 'token_endpoint_down'], ['ok', 'transient', false, false, 'token_endpoint_down'], ['token_expired', 'transient', false, false, 'token_endpoint_down'],
    ['credentials_rejected', 'rejected', false, false, 'credentials_rejected'], ['ok', 'rejected', true, false, 'credentials_rejected'], ['ok', null, false, true, 'draining'], ['ok', 'rejected', false, true, 'draining'],
  ] as const) t.equal(stateOf({ reason, failure, isRenewing }, isDraining), expected, [reason, failure, isRenewing, isDraining].join(' '))
})

test('the status has token, calls, quota, traffic, requests and settings, in seconds and ISO 8601', async t => {
  const clock = new FakeClock()
  const given = sources(clock, { quota: { isOn: true, isFailing: false, reading: { readAt: clock.wall(), families: [{ family: 'hrv_analysis', remaining: -1 }] } } })
  given.telemetry.onTokenCall('credentials', 'ok')
  given.telemetry.onOutcome(outcomeOf({ caller: 'app', status: 504, errorCode: 'UPSTREAM_TIMEOUT', cause: new Error('hidden') }))
  await clock.advance(90_000)
  const status = describe(given, '127.0.0.1:8080')
  t.match(status, {
    state: 'serving',
    isServing: true,
    warnings: [],
    version: '1.2.3',
    node: 'v20.19.0',
    now: '2026-01-01T00:01:30.000Z',
    startedAt: '2026-01-01T00:00:00.000Z',
    uptimeSeconds: 90,
    clock: { skewSeconds: 2, isOff: false },
    token: { tokenExpiresInSeconds: 86_000, consecutiveFailures: 0 },
    tokenCalls: [{ endedAt: '2026-01-01T00:00:00.000Z', call: 'credentials', outcome: 'ok' }],
    quota: { isPolled: true, isFailing: false, readAt: '2026-01-01T00:00:00.000Z', families: [{ family: 'hrv_analysis', remaining: -1 }] },
    traffic: { inFlight: 2, requests: 1, errors: 1 },
    settings: [{ name: 'PORT', value: '8080', isDefault: true }],
    firstCall: 'curl http://127.0.0.1:8080/amsu-analysis/v2/available-times',
  })
  t.strictSame(status.requests, [{ endedAt: '2026-01-01T00:00:00.000Z', requestId: 'id-1', method: 'POST', path: '/amsu-analysis/v2/hrv/rr-list/', status: 504, caller: 'app', errorCode: 'PROXY.UPSTREAM_TIMEOUT', durationMs: 12.346 }])
  t.equal(status.traffic.minutes.length, 60)
  t.strictSame(describe(sources(), 'h').quota, { isPolled: true, isFailing: false, readAt: null, families: [] })
  t.equal(describe(sources(clock, { isDraining: () => true }), 'h').isServing, false)
})

test('the status says that a clock is off, and that nothing is known of it', async t => {
  for (const [skew, expected] of [[7200, { skewSeconds: 7200, isOff: true }], [-31, { skewSeconds: -31, isOff: true }], [-30, { skewSeconds: -30, isOff: false }], [undefined, { skewSeconds: null, isOff: false }]] as const) {
    t.strictSame(describe(sources(new FakeClock(), { clockSkewSeconds: () => skew }), 'h').clock, expected)
  }
})

test('the status has the warnings of /readyz', async t => {
  const given = sources(new FakeClock(), { clockSkewSeconds: () => 31 })
  given.telemetry.onOutcome(outcomeOf({ status: 502, errorCode: 'UPSTREAM_UNREACHABLE' }))
  t.strictSame(describe(given, 'h').warnings, ['amsu_unreachable', 'clock_off'])
  given.telemetry.onOutcome(outcomeOf())
  t.strictSame(describe(given, 'h').warnings, ['clock_off'])
})

test('all texts of the status are masked as the last step, and paths are truncated after that', async t => {
  const masker = createMasker()
  const secret = 'wärd/s3cr3t+value'
  masker.add('client_secret', new Secret(secret))
  const shown = `before ${secret} after`
  const given = sources(new FakeClock(), {
    mask: masker.mask,
    build: { version: shown, node: shown },
    tokenStatus: () => ({ ...TOKEN, failureCode: shown }),
    settings: [{ name: 'ALLOWED_ROUTES', value: shown, isDefault: false }],
    listenerAddress: () => ({ isTls: false, socketPath: shown, port: undefined, needsCaller: false }),
  })
  for (const path of [`/amsu-analysis/${secret}`, `/amsu-analysis/${encodeURIComponent(secret)}`, `/amsu-analysis/${Buffer.from(secret).toString('base64')}`, `/${'x'.repeat(190)}/${secret}/y`]) {
    given.telemetry.onOutcome(outcomeOf({ path, requestId: secret, caller: shown, method: shown }))
  }
  const status = describe(given, secret)
  t.match(status, { version: `before ${REDACTED} after`, token: { failureCode: `before ${REDACTED} after` }, settings: [{ value: `before ${REDACTED} after` }], firstCall: new RegExp(`'before \\${REDACTED} after'`) })
  t.strictSame(status.requests.map(({ path }) => path), [`/${'x'.repeat(190)}/[redacte`, ...new Array(3).fill(`/amsu-analysis/${REDACTED}`)])
  for (const { requestId, caller, method } of status.requests) t.strictSame([requestId, caller, method], [REDACTED, `before ${REDACTED} after`, `before ${REDACTED} after`])
  t.notMatch(JSON.stringify(status), /s3cr/)
})

test('a long path is shown cut', async t => {
  const given = sources()
  given.telemetry.onOutcome(outcomeOf({ path: `/amsu-analysis/${'x'.repeat(10_000)}` }))
  t.equal(describe(given, 'h').requests[0]?.path.length, 200)
})

test('the first call is the one this reader can paste', async t => {
  const address = { isTls: false, socketPath: undefined, port: undefined, needsCaller: false }
  const end = '/amsu-analysis/v2/available-times'
  t.equal(firstCall(address, '[::1]:8080'), `curl http://[::1]:8080${end}`)
  t.equal(firstCall({ ...address, isTls: true, needsCaller: true }, 'proxy.example'), `curl -u NAME:SECRET https://proxy.example${end}`)
  t.equal(firstCall({ ...address, port: 8080 }, '127.0.0.1:9090'), `curl http://127.0.0.1:8080${end}`, 'the page is on the admin listener')
  t.equal(firstCall({ ...address, port: 8080 }, '[::1]'), `curl http://[::1]:8080${end}`)
  t.equal(firstCall({ ...address, socketPath: "/run/it's/proxy.sock" }, 'h'), `curl --unix-socket '/run/it'\\''s/proxy.sock' http://localhost${end}`)
})

test('JSON is for who asks for it; a browser, and who asks for nothing, gets the page', async t => {
  for (const [accept, isJson] of [
    [undefined, false], ['', false], ['*/*', false], ['text/html', false], ['application/json', true], ['APPLICATION/JSON', true], ['application/json; charset=utf-8', true], ['application/*', true], ['image/png', false],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', false], ['application/json, text/plain, */*', true], ['application/json, text/html', false], ['text/html;q=0.5, application/json', true],
    ['application/json;q=0.5, text/html;q=0.6', false], ['application/json;q=0, */*', false], ['application/json;q=0', false], ['application/json;q=nonsense', false], ['text/html;q=0, */*', true], [', ,application/json', true],
  ] as const) t.equal(prefersJson(accept), isJson, String(accept))
})

test('the page speaks the language that is wanted most, and English to everybody else', async t => {
  for (const [header, expected] of [
    [undefined, 'en'], ['', 'en'], ['zh', 'zh'], ['zh-CN', 'zh'], ['zh-Hans-CN,zh;q=0.9', 'zh'], ['ZH-tw', 'zh'], ['en-GB,en;q=0.9,zh;q=0.8', 'en'], ['de, zh;q=0.5, en;q=0.4', 'zh'], ['de, fr', 'en'], ['*', 'en'],
    ['en;q=0.4,zh;q=0.5', 'zh'], ['zh;q=0', 'en'], ['zhuang', 'en'],
  ] as const) t.equal(preferredLanguage(header, languages), expected, String(header))
})

test('what a token call fails with has words of its own in each language, as far as an operator can act on it', async t => {
  for (const { failure } of [words.en, words.zh]) {
    for (const code of ['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'ECONNRESET', 'ERR_CONNECTION_ENDED', 'ERR_CONNECT_TIMEOUT', 'TIMEOUT', 'INVALID_RESPONSE', 'CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID', 'ERR_FORWARD_PROXY', 'DEFECT']) t.ok(failure.codes[code], code)
    t.equal(failure.codes['UNKNOWN'], undefined, 'it is shown as it is')
    t.ok(failure.other)
  }
})

test('both languages say the same things, with the same blanks to fill in', async t => {
  const blanks = (value: unknown): unknown => typeof value === 'string'
    ? (value.match(/\{\w+\}/g) ?? []).sort()
    : Object.fromEntries(Object.entries(value as object).map(([key, each]) => [key, blanks(each)]))
  t.strictSame(blanks(words.zh), blanks(words.en))
})
