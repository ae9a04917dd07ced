import { test, type Test } from 'tap'
import type http from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { call, errorCode, type ReceivedResponse } from '../support/client.ts'
import { startProxy } from '../support/proxy.ts'
import { connectRaw, statuses } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { startUpstream, type Upstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'
const TOKEN = '/amsu-analysis/v2/token'
const CALLERS = { CALLERS: 'clinic-a:secret-of-clinic-a,clinic-b:secret-of-clinic-b' }

interface Tokens { access_token: string, refresh_token: string, token_type: string, expires_in: number }

async function setUp (t: Test, settings: Record<string, string> = {}) {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin, settings)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  return { upstream, proxy }
}

async function buy (origin: string, id: string, secret: string, path = TOKEN): Promise<ReceivedResponse> {
  return await call(origin, path, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: `client_id=${id}&client_secret=${secret}` })
}

async function renew (origin: string, refreshToken: string, method = 'PUT', path = TOKEN): Promise<ReceivedResponse> {
  return await call(origin, path, { method, body: `refresh_token=${refreshToken}` })
}

function bearer (token: string): { headers: { authorization: string } } {
  return { headers: { authorization: `Bearer ${token}` } }
}

function reached (upstream: Upstream): number {
  return upstream.received.length
}

test('an app that fetches its own token keeps working: AMSU’s shape, placeholders, and never a word to AMSU', async t => {
  for (const settings of [{}, CALLERS]) {
    const { proxy, upstream } = await setUp(t, settings)
    await call(proxy.origin, PATH, bearer('secret-of-clinic-a'))
    const before = upstream.tokenCalls.length
    const got = await buy(proxy.origin, 'clinic-a', 'secret-of-clinic-a')
    t.equal(got.status, 200)
    t.match(got.headers, { 'cache-control': 'no-store', 'content-type': /^application\/json/ })
    const tokens = JSON.parse(got.text) as Tokens
    t.same(Object.keys(tokens).sort(), ['access_token', 'expires_in', 'refresh_token', 'token_type'])
    t.match(tokens, { token_type: 'bearer', expires_in: 86_400, access_token: /^[\w-]+\.[\w-]+\.[\w-]+$/, refresh_token: /^[\w-]+\.[\w-]+\.[\w-]+$/ })
    t.equal((await call(proxy.origin, PATH, bearer(tokens.access_token))).status, 200)
    for (const [method, path] of [['PUT', TOKEN], ['POST', `${TOKEN}/refreshment`]] as const) {
      const renewed = await renew(proxy.origin, tokens.refresh_token, method, path)
      t.equal(renewed.status, 200)
      t.equal((await call(proxy.origin, PATH, bearer((JSON.parse(renewed.text) as Tokens).access_token))).status, 200)
    }
    t.equal(upstream.tokenCalls.length, before, 'AMSU was asked nothing')
    t.ok(upstream.received.every(({ headers }) => headers.authorization === `Bearer ${upstream.tokens[0]}`), 'and got our token only')
  }
})

test('any spelling of a token endpoint is handled here', async t => {
  const { proxy, upstream } = await setUp(t)
  await call(proxy.origin, PATH) // from here on the proxy holds its own token
  for (const path of [TOKEN, `${TOKEN}/`, '/amsu-analysis/V2/Token', '/amsu-analysis/v2/%74oken', '/amsu-analysis/v2/token.', '/amsu-analysis/v2/token%20', `${TOKEN}?x=y`]) {
    t.equal((await buy(proxy.origin, 'a', 'b', path)).status, 200, path)
  }
  for (const path of ['/amsu-analysis/v2/./token', '/amsu-analysis/v2/%2e/token', '/amsu-analysis/v2//token', '/amsu-analysis/v2\\token', '/amsu-analysis/v2/token;x', '/amsu-analysis/v2/x/../token', '/amsu-analysis/v2/%2574oken', '/amsu-analysis/v3/token', '/amsu-analysis/v2/token.json']) {
    t.equal((await buy(proxy.origin, 'a', 'b', path)).status, 400, path)
  }
  for (const method of ['GET', 'DELETE', 'PATCH', 'OPTIONS']) {
    const got = await call(proxy.origin, TOKEN, { method })
    t.equal(got.status, 405, method)
    t.equal(got.headers.allow, 'POST, PUT')
  }
  t.equal(upstream.tokenCalls.length, 1)
  t.same(upstream.received.map(({ url }) => url), [PATH])
})

test('with callers every relayed request must show who it is, in one of three ways', async t => {
  const { proxy, upstream } = await setUp(t, CALLERS)
  const { access_token: placeholder, refresh_token: refresh } = JSON.parse((await buy(proxy.origin, 'clinic-b', 'secret-of-clinic-b')).text) as Tokens
  const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`
  for (const authorization of [`Bearer ${placeholder}`, basic('clinic-b:secret-of-clinic-b'), 'Bearer secret-of-clinic-b', 'bearer secret-of-clinic-b']) {
    t.equal((await call(proxy.origin, PATH, { headers: { authorization } })).status, 200, authorization)
  }
  await proxy.untilLogged(4)
  t.same(proxy.accessLines().map(line => line['caller']), ['clinic-b', 'clinic-b', 'clinic-b', 'clinic-b'])
  const none = '.'.repeat(2)
  for (const authorization of [undefined, '', 'Bearer', 'Bearer ', 'Bearer wrong', `Bearer ${refresh}`, `Bearer ${placeholder}x`, `Bearer ${placeholder.slice(0, -8)}`, `Bearer eyJhbGciOiJub25lIn0.${placeholder.split('.')[1]}.`, `Bearer ${none}`, basic('clinic-a:secret-of-clinic-b'), basic('nobody:secret-of-clinic-b'), basic('clinic-b'), 'Basic !!!', 'Digest x', 'secret-of-clinic-b']) {
    const got = await call(proxy.origin, PATH, { method: 'POST', body: 'x', ...(authorization === undefined ? {} : { headers: { authorization } }) })
    t.equal(got.status, 401, String(authorization))
    t.equal(errorCode(got.text), 'PROXY.CALLER_UNAUTHENTICATED')
    t.match(got.headers, { 'www-authenticate': /Basic.*Bearer/, connection: 'close' })
  }
  t.equal(reached(upstream), 4)
})

test('wrong credentials at the token endpoint are rejected in AMSU’s words', async t => {
  const { proxy } = await setUp(t, CALLERS)
  const { access_token: access } = JSON.parse((await buy(proxy.origin, 'clinic-a', 'secret-of-clinic-a')).text) as Tokens
  for (const [id, secret] of [['clinic-a', 'wrong'], ['clinic-a', 'secret-of-clinic-b'], ['nobody', 'secret-of-clinic-a']] as const) {
    const got = await buy(proxy.origin, id, secret)
    t.equal(got.status, 401)
    t.equal(errorCode(got.text), 'COMMON.AUTHENTICATION_FAILED')
    t.equal(got.headers['x-amsu-proxy-error'], 'CALLER_UNAUTHENTICATED')
  }
  for (const token of ['x', access, `${access}x`]) {
    const got = await renew(proxy.origin, token)
    t.equal(got.status, 401)
    t.equal(errorCode(got.text), 'COMMON.INVALID_CREDENTIALS')
    t.equal(got.headers['x-amsu-proxy-error'], 'CALLER_UNAUTHENTICATED')
  }
  const rejections = proxy.lines.filter(line => line.includes('"request rejected"')).map(line => JSON.parse(line) as Record<string, unknown>)
  t.match(rejections, Array.from({ length: 6 }, () => ({ path: TOKEN, status: 401, errorCode: 'PROXY.CALLER_UNAUTHENTICATED' })), 'logged like every other rejection')
  t.match((await call(proxy.origin, '/metrics')).text, /amsu_proxy_errors_total\{code="PROXY\.CALLER_UNAUTHENTICATED"\} 6\n/, 'and counted')
  for (const body of ['', 'client_id=clinic-a', 'client_secret=x', 'client_id=&client_secret=']) {
    const got = await call(proxy.origin, TOKEN, { method: 'POST', body })
    t.equal(got.status, 400)
    t.equal(errorCode(got.text), 'PROXY.INVALID_TOKEN_REQUEST')
  }
  const large = await call(proxy.origin, TOKEN, { method: 'POST', body: 'x'.repeat(3_000_000) }).catch(() => undefined)
  t.match(large, { status: 413 })
})

test('placeholders survive a restart, work on every replica, and die with their caller’s secret', async t => {
  const { proxy: first } = await setUp(t, CALLERS)
  const tokens = JSON.parse((await buy(first.origin, 'clinic-a', 'secret-of-clinic-a')).text) as Tokens
  const { proxy: replica } = await setUp(t, { CALLERS: 'clinic-a:secret-of-clinic-a' })
  t.equal((await call(replica.origin, PATH, bearer(tokens.access_token))).status, 200)
  t.equal((await renew(replica.origin, tokens.refresh_token)).status, 200)
  const { proxy: rotated } = await setUp(t, { CALLERS: 'clinic-a:another-secret' })
  t.equal((await call(rotated.origin, PATH, bearer(tokens.access_token))).status, 401)
  t.equal((await renew(rotated.origin, tokens.refresh_token)).status, 401)
})

test('a call outside ALLOWED_ROUTES is rejected to callers and strangers, and costs the program nothing', async t => {
  const upstream = await startUpstream()
  const proxy = await startProxy(upstream.origin, { CALLERS: 'app:caller-secret', ALLOWED_ROUTES: 'GET /amsu-analysis/v2/available-times' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  // The last one looks like a placeholder token, which takes a moment to verify.
  for (const [authorization, code] of [['Bearer caller-secret', 'ROUTE_REJECTED'], ['Bearer wrong', 'CALLER_UNAUTHENTICATED'], ['Bearer e30.e30.AAAA', 'CALLER_UNAUTHENTICATED']] as const) {
    t.equal(errorCode((await call(proxy.origin, '/amsu-analysis/v2/hrv/', { method: 'POST', headers: { authorization } })).text), `PROXY.${code}`, authorization)
  }
  t.equal((await call(proxy.origin, '/livez')).status, 200)
  t.equal(upstream.received.length, 0)
})

/** Two kinds of strangers: one is known as such at once, the other only after its token is verified. */
const STRANGERS = ['Bearer wrong', 'Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhcHBfa2V5OmNsaW5pYy1hIn0.AAAA']

test('every stranger is rejected alike, however long it takes to see that: logged and counted as a rejection, and never as a relayed request', async t => {
  const { proxy, upstream } = await setUp(t, CALLERS)
  for (const [i, authorization] of STRANGERS.entries()) {
    const got = await call(proxy.origin, PATH, { method: 'POST', body: 'x'.repeat(300_000), headers: { authorization, 'x-request-id': `stranger-${i}` } })
    t.match(got, { status: 401, headers: { 'x-amsu-proxy-error': 'CALLER_UNAUTHENTICATED', connection: 'close', 'x-request-id': `stranger-${i}` } }, authorization)
    t.match(proxy.lines.filter(line => line.includes(`stranger-${i}`)).map(line => JSON.parse(line) as object), [{ msg: 'request rejected', status: 401, errorCode: 'PROXY.CALLER_UNAUTHENTICATED', path: PATH }])
  }
  const { text } = await call(proxy.origin, '/metrics')
  t.match(text, /amsu_proxy_errors_total\{code="PROXY\.CALLER_UNAUTHENTICATED"\} 2\n/)
  t.notMatch(text, /amsu_proxy_requests_total\{/)
  t.match(text, /amsu_proxy_request_duration_seconds_count 0\n/)
  t.equal(reached(upstream), 0)
})

test('a stranger takes no place in flight, and is told so even where none is free', async t => {
  const held: http.ServerResponse[] = []
  const upstream = await startUpstream({ onRequest (_received, res) { held.push(res) } })
  const proxy = await startProxy(upstream.origin, { ...CALLERS, MAX_IN_FLIGHT: '1' })
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  const first = call(proxy.origin, PATH, bearer('secret-of-clinic-a'))
  await until(() => held.length === 1)
  for (const authorization of STRANGERS) t.equal((await call(proxy.origin, PATH, { headers: { authorization } })).status, 401, authorization)
  t.equal((await call(proxy.origin, PATH, bearer('secret-of-clinic-a'))).status, 503)
  held[0]?.end('ok')
  t.equal((await first).status, 200)
})

for (const rest of ['', 'the rest of the body']) {
  test(`a body that arrives while its caller is identified is relayed whole: ${rest === '' ? 'all at once' : 'in two parts'}`, async t => {
    const { proxy, upstream } = await setUp(t, CALLERS)
    const { access_token: token } = JSON.parse((await buy(proxy.origin, 'clinic-a', 'secret-of-clinic-a')).text) as Tokens
    const begin = 'x'.repeat(300_000)
    const client = await connectRaw(t, proxy.origin)
    // The second request is pipelined behind the first one.
    client.socket.write(`POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${begin.length + rest.length}\r\n\r\n${begin}`)
    if (rest !== '') await nextTurn()
    client.socket.write(`${rest}GET ${PATH} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n\r\n`)
    t.strictSame(statuses(await client.readAll()), ['200', '200'])
    t.strictSame(upstream.received.map(({ body }) => body.length), [begin.length + rest.length, 0])
    t.match(proxy.accessLines(), [{ method: 'POST', caller: 'clinic-a' }, { method: 'GET', caller: 'clinic-a' }])
  })
}
