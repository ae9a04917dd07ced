import { test, type Test } from 'tap'
import type { LookupFunction, Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { classifyFailure, createTokenApi, parseRetryAfterMs, toCallError, TokenCallError, type TokenApi } from '../../src/amsu/token-api.ts'
import { systemClock } from '../../src/clock.ts'
import { Secret } from '../../src/secrets/secret.ts'
import { createApiClient } from '../../src/upstream/api-client.ts'
import { createConnector } from '../../src/upstream/connector.ts'
import { ForwardProxyError, type ForwardProxy } from '../../src/upstream/forward-proxy.ts'
import { startTcp, startUpstream, json, type UpstreamOptions } from '../support/upstream.ts'

const CREDENTIALS = { clientId: new Secret('my id&=%'), clientSecret: new Secret('my secret+/') }
const GOOD = { access_token: 'a.b.c', token_type: 'bearer', expires_in: 86_400, refresh_token: 'd.e.f' }

function apiFor (t: Test, origin: string, requestTimeoutMs = 2_000, connection: { forwardProxy?: ForwardProxy, lookup?: LookupFunction } = {}): TokenApi {
  const common = { origin, forwardProxy: undefined, ...connection }
  const connect = createConnector({ ...common, connectTimeoutMs: 5_000, certificateAuthority: () => undefined })
  const client = createApiClient({ ...common, connect, connectTimeoutMs: 5_000, maxConnections: 2 })
  t.teardown(async () => { await client.destroy() })
  return createTokenApi({ client, requestTimeoutMs, clock: systemClock })
}

async function setUp (t: Test, options: UpstreamOptions): Promise<{ api: TokenApi, upstream: Awaited<ReturnType<typeof startUpstream>> }> {
  const upstream = await startUpstream(options)
  t.teardown(upstream.close)
  return { api: apiFor(t, upstream.origin), upstream }
}

test('the three calls have AMSU’s exact form', async t => {
  const { api, upstream } = await setUp(t, { onToken: (_call, res) => { json(res, 200, GOOD) } })
  await api.issue(CREDENTIALS)
  await api.refresh('refresh_put', new Secret('r+/&='))
  await api.refresh('refresh_post', new Secret('r+/&='))
  t.same(upstream.tokenCalls.map(({ method, url, body }) => `${method} ${url} ${body.toString()}`), [
    'POST /amsu-analysis/v2/token client_id=my+id%26%3D%25&client_secret=my+secret%2B%2F',
    'PUT /amsu-analysis/v2/token refresh_token=r%2B%2F%26%3D',
    'POST /amsu-analysis/v2/token/refreshment refresh_token=r%2B%2F%26%3D',
  ])
  for (const { headers } of upstream.tokenCalls) {
    t.match(headers, { 'content-type': 'application/x-www-form-urlencoded', 'accept-encoding': 'identity' })
    t.notOk(headers.authorization)
  }
})

test('a valid response has a token with its lifetime, counted from when the call was sent', async t => {
  const { api } = await setUp(t, { onToken: (_call, res) => { json(res, 200, GOOD) } })
  const before = systemClock.monotonic()
  const grant = await api.issue(CREDENTIALS)
  t.equal(grant.accessToken.reveal(), 'a.b.c')
  t.equal(grant.refreshToken?.reveal(), 'd.e.f')
  t.equal(grant.lifeMs, 86_400_000)
  t.ok(grant.issuedAt.monotonic >= before && grant.issuedAt.monotonic <= systemClock.monotonic())
})

test('a response without a usable refresh token still has the access token', async t => {
  for (const refresh of [undefined, '', 7, 'a\r\nb', null]) {
    const { api } = await setUp(t, { onToken: (_call, res) => { json(res, 200, { ...GOOD, refresh_token: refresh }) } })
    t.equal((await api.issue(CREDENTIALS)).refreshToken, undefined)
  }
})

test('a malformed response is a failed attempt, whatever is wrong with it', async t => {
  const long = 'x'.repeat(10_000_000)
  const responses: Array<[string, string | Buffer]> = [
    ['HTML', '<html>login</html>'], ['empty', ''], ['null', 'null'], ['an array', '[]'], ['a string', '"token"'], ['garbage bytes', Buffer.from([0xff, 0, 0x80])],
    ['no access_token', JSON.stringify({ ...GOOD, access_token: undefined })], ['an array for a token', JSON.stringify({ ...GOOD, access_token: ['a'] })],
    ['an empty token', JSON.stringify({ ...GOOD, access_token: '' })], ['CR LF in the token', JSON.stringify({ ...GOOD, access_token: 'a\r\nX: y' })],
    ['a blank in the token', JSON.stringify({ ...GOOD, access_token: 'a b' })], ['a token beyond ASCII', JSON.stringify({ ...GOOD, access_token: 'tökèn' })],
    ['no expires_in', JSON.stringify({ ...GOOD, expires_in: undefined })], ['zero', JSON.stringify({ ...GOOD, expires_in: 0 })], ['negative', JSON.stringify({ ...GOOD, expires_in: -5 })],
    ['a string', JSON.stringify({ ...GOOD, expires_in: '86400' })], ['more than a number holds', JSON.stringify(GOOD).replace('86400', '1e999')],
    ['10 MB', JSON.stringify({ ...GOOD, pad: long })], ['compressed', gzipSync(JSON.stringify(GOOD))],
  ]
  for (const [name, body] of responses) {
    const { api } = await setUp(t, { onToken: (_call, res) => { res.end(body) } })
    await t.rejects(api.issue(CREDENTIALS), { name: 'TokenCallError', kind: 'transient' }, name)
  }
})

test('a huge expires_in is believed up to what the refresh token lives', async t => {
  const { api } = await setUp(t, { onToken: (_call, res) => { json(res, 200, { ...GOOD, expires_in: 1e15 }) } })
  t.ok((await api.issue(CREDENTIALS)).lifeMs < 31 * 86_400_000)
})

test('a redirect is not followed: the secret goes nowhere else', async t => {
  const thief = await startUpstream()
  t.teardown(thief.close)
  for (const status of [301, 302, 307, 308]) {
    const { api } = await setUp(t, { onToken: (_call, res) => { json(res, status, {}, { location: `${thief.origin}/amsu-analysis/v2/token` }) } })
    await t.rejects(api.issue(CREDENTIALS), { name: 'TokenCallError', kind: 'transient' })
  }
  t.equal(thief.tokenCalls.length, 0)
})

test('no response in time, a reset, and garbage are failures of their own kind', async t => {
  const faults: Array<[string, (socket: Socket) => void, string, string]> = [
    ['silence', () => {}, 'connection_lost', 'TIMEOUT'],
    ['a reset', socket => { socket.once('data', () => socket.resetAndDestroy()) }, 'connection_lost', 'ECONNRESET'],
    ['an end', socket => { socket.once('data', () => socket.end()) }, 'connection_lost', 'ERR_CONNECTION_ENDED'],
    ['a cut body', socket => { socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"acc')) }, 'connection_lost', 'ERR_CONNECTION_ENDED'],
    ['garbage', socket => { socket.once('data', () => socket.end('\x00\x01garbage\r\n\r\n')) }, 'transient', 'INVALID_RESPONSE'],
  ]
  for (const [name, onConnection, kind, code] of faults) {
    const server = await startTcp(onConnection)
    t.teardown(server.close)
    await t.rejects(apiFor(t, server.origin, 200).issue(CREDENTIALS), { name: 'TokenCallError', kind, code, status: undefined }, name)
  }
  const closed = await startTcp(() => {})
  await closed.close()
  await t.rejects(apiFor(t, closed.origin).issue(CREDENTIALS), { name: 'TokenCallError', kind: 'transient', code: 'ECONNREFUSED' }, 'refused connection')
})

test('what breaks before the call is sent says nothing of its method: a reset handshake, a connection too slow to come, a forward proxy that does not know us', async t => {
  const resetting = await startTcp(socket => { socket.once('data', () => { socket.resetAndDestroy() }) })
  const asking = await startTcp(socket => { socket.once('data', () => { socket.end('HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n') }) })
  t.teardown(async () => { await resetting.close(); await asking.close() })
  const forwardProxy = { host: '127.0.0.1', port: asking.port, authorization: undefined, secret: undefined }
  for (const [name, api, code] of [
    ['a handshake', apiFor(t, resetting.origin.replace('http', 'https')), 'ECONNRESET'],
    ['no connection', apiFor(t, 'http://amsu.test', 200, { lookup: () => {} }), 'TIMEOUT'],
    ['the forward proxy', apiFor(t, 'http://amsu.test', 2_000, { forwardProxy }), new ForwardProxyError(407).code],
  ] as const) await t.rejects(api.refresh('refresh_put', new Secret('r')), { name: 'TokenCallError', kind: 'transient', code }, name)
})

test('every call has a connection of its own: a stale one would look like a method that is blocked', async t => {
  const { api, upstream } = await setUp(t, { onToken: (_call, res) => { json(res, 200, GOOD); res.socket?.unref() } })
  for (let i = 0; i < 3; i++) await api.issue(CREDENTIALS)
  t.match(upstream.tokenCalls.map(({ headers }) => headers.connection), ['close', 'close', 'close'])
})

test('the code of a failed call is a code, whatever a library or AMSU puts in its place', async t => {
  for (const code of ['ENOTFOUND', 'CERT_HAS_EXPIRED', 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'ERR_CONNECT_TIMEOUT']) t.equal(new TokenCallError('credentials', 'transient', 'test', { code }).code, code)
  for (const code of ['', 'lower', 'A B', 'https://user:password@amsu.example', '<img>', 'A'.repeat(65), 'E\n']) t.equal(new TokenCallError('credentials', 'transient', 'test', { code }).code, 'UNKNOWN', code)
  t.match(toCallError('credentials', new TypeError('secret')), { code: 'DEFECT', status: undefined })
  const { api } = await setUp(t, { onToken: (_call, res) => { json(res, 503, { error: { code: 'COMMON.BUSY', msg: '' } }) } })
  await t.rejects(api.issue(CREDENTIALS), { code: undefined, status: 503 })
  const { api: odd } = await setUp(t, { onToken: (_call, res) => { res.end('<html>login</html>') } })
  await t.rejects(odd.issue(CREDENTIALS), { code: 'INVALID_RESPONSE', status: undefined })
})

test('what a response means depends on AMSU’s code first, then on the status', async t => {
  for (const [call, status, code, kind] of [
    ['credentials', 401, undefined, 'rejected'], ['credentials', 400, 'COMMON.AUTHENTICATION_FAILED', 'rejected'], ['credentials', 500, 'COMMON.AUTHENTICATION_FAILED', 'rejected'],
    ['credentials', 403, 'COMMON.SOMETHING', 'rejected'], ['credentials', 403, undefined, 'transient'], ['credentials', 404, undefined, 'transient'], ['credentials', 405, undefined, 'transient'],
    ['credentials', 429, 'COMMON.TOO_MANY', 'transient'], ['credentials', 500, undefined, 'transient'], ['credentials', 503, 'COMMON.BUSY', 'transient'],
    ['refresh_put', 405, undefined, 'method_blocked'], ['refresh_put', 405, 'COMMON.METHOD_NOT_ALLOWED', 'method_blocked'], ['refresh_put', 501, undefined, 'method_blocked'], ['refresh_put', 403, undefined, 'method_blocked'], ['refresh_put', 404, undefined, 'method_blocked'],
    ['refresh_put', 401, undefined, 'rejected'], ['refresh_put', 422, 'COMMON.INVALID_CREDENTIALS', 'rejected'], ['refresh_put', 502, undefined, 'transient'],
    ['refresh_post', 405, undefined, 'transient'], ['refresh_post', 401, 'COMMON.INVALID_CREDENTIALS', 'rejected'],
  ] as const) {
    t.equal(classifyFailure(call, status, code), kind, `${call} ${status} ${String(code)}`)
  }
})

test('an error has the status and AMSU’s code, and nothing else of the response', async t => {
  const { api } = await setUp(t, { onToken: (_call, res) => { json(res, 400, { error: { code: 'COMMON.AUTHENTICATION_FAILED', msg: 'client_secret=my secret+/ is wrong' } }) } })
  await t.rejects(api.issue(CREDENTIALS), { kind: 'rejected', message: 'credentials: status 400 COMMON.AUTHENTICATION_FAILED' })
  const { api: odd } = await setUp(t, { onToken: (_call, res) => { json(res, 400, { error: { code: 'my secret+/' } }) } })
  await t.rejects(odd.issue(CREDENTIALS), { message: 'credentials: status 400' })
})

test('Retry-After is read as seconds or as a date', async t => {
  const now = Date.UTC(2026, 10, 22, 12, 0, 0)
  for (const [value, ms] of [['7', 7_000], ['0', 0], ['Sun, 22 Nov 2026 12:00:30 GMT', 30_000], ['Sun, 22 Nov 2026 11:00:00 GMT', 0], ['soon', 0], ['-5', 0], ['', 0]] as const) {
    t.equal(parseRetryAfterMs(value, now), ms, value)
  }
  const { api } = await setUp(t, { onToken: (_call, res) => { json(res, 503, {}, { 'retry-after': '9' }) } })
  await t.rejects(api.issue(CREDENTIALS), { name: 'TokenCallError', kind: 'transient', retryAfterMs: 9_000 })
})
