import fastify from 'fastify'
import type { AddressInfo } from 'node:net'
import { test, type Test } from 'tap'
import { createCallerRegistry } from '../../src/callers/caller-registry.ts'
import { callersPlugin } from '../../src/callers/plugin.ts'
import { systemClock } from '../../src/clock.ts'
import { ProxyError, RELAYED_METHODS, TOKEN_METHODS } from '../../src/errors.ts'
import { sendLocalReply } from '../../src/relay/local-reply.ts'
import { Secret } from '../../src/secrets/secret.ts'
import { call, sendBytes, type ReceivedResponse } from '../support/client.ts'

const TOKEN = '/amsu-analysis/v2/token'
const REFRESHMENT = `${TOKEN}/refreshment`
const CREDENTIALS = 'client_id=legacy&client_secret=s3cret'
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

/** A server with the token endpoints and a route like the relay's, which counts its requests as relayed. */
// The shape is inferred: naming it would repeat every line.
async function setUp (t: Test, { isOpen = false } = {}) {
  const lines: string[] = []
  const count = { relayed: 0, defects: 0 }
  const registry = createCallerRegistry(isOpen ? undefined : [{ name: 'legacy', secret: new Secret('s3cret') }], systemClock)
  const app = fastify({ logger: { level: 'trace', stream: { write (line: string) { lines.push(line) } } } })
  app.setErrorHandler((error, request, reply) => {
    if (!(error instanceof ProxyError)) count.defects++
    reply.hijack()
    sendLocalReply(request.raw, reply.raw, error instanceof ProxyError ? error : new ProxyError('INTERNAL'), request.id)
  })
  app.server.on('checkContinue', (req, res) => { app.server.emit('request', req, res) })
  await app.register(callersPlugin, { registry, clock: systemClock })
  app.route({ method: [...RELAYED_METHODS], url: '/amsu-analysis/*', handler: async () => { count.relayed++; return 'relayed' } })
  await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(() => { app.server.closeAllConnections(); return app.close() })
  const { port } = app.server.address() as AddressInfo
  return { origin: `http://127.0.0.1:${port}`, port, registry, count, lines }
}

const post = async (origin: string, path: string, body: string, headers: Record<string, string> = FORM): Promise<ReceivedResponse> => await call(origin, path, { method: 'POST', body, headers })
const parsed = ({ text }: ReceivedResponse): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>

test('an app that fetches its own token gets a placeholder token, and the next one in either way', async t => {
  const { count, origin, registry } = await setUp(t)
  const first = await post(origin, TOKEN, CREDENTIALS)
  t.equal(first.status, 200)
  t.match(first.headers, { 'content-type': /^application\/json/, 'cache-control': 'no-store', pragma: 'no-cache', 'x-request-id': /./ })
  t.strictSame(Object.keys(parsed(first)), ['access_token', 'token_type', 'expires_in', 'refresh_token'])
  const refresh = `refresh_token=${String(parsed(first)['refresh_token'])}`
  for (const next of [await call(origin, TOKEN, { method: 'PUT', body: refresh, headers: FORM }), await post(origin, REFRESHMENT, refresh)]) {
    t.equal(next.status, 200)
    t.equal(await registry.identify(`Bearer ${String(parsed(next)['access_token'])}`), 'legacy')
  }
  t.equal(count.relayed, 0)
})

test('a rejected login has the code of AMSU and the error header of the proxy, must not be cached, and ends the connection', async t => {
  const { origin } = await setUp(t)
  for (const [response, code] of [
    [await post(origin, TOKEN, 'client_id=legacy&client_secret=wrong'), 'COMMON.AUTHENTICATION_FAILED'],
    [await call(origin, TOKEN, { method: 'PUT', body: 'refresh_token=a.b.c', headers: FORM }), 'COMMON.INVALID_CREDENTIALS'],
    [await post(origin, REFRESHMENT, 'refresh_token=x'), 'COMMON.INVALID_CREDENTIALS'],
  ] as const) {
    t.equal(response.status, 401)
    t.match(parsed(response), { error: { code, msg: /./ } })
    t.match(response.headers, { 'x-amsu-proxy-error': 'CALLER_UNAUTHENTICATED', 'cache-control': 'no-store', 'www-authenticate': 'Bearer realm="amsu-proxy"', connection: 'close', 'x-request-id': /./ })
  }
})

test('a field that is missing is our error', async t => {
  const { origin } = await setUp(t, { isOpen: true })
  for (const response of [await post(origin, TOKEN, 'client_id=x'), await post(origin, TOKEN, '', {}), await post(origin, REFRESHMENT, CREDENTIALS), await call(origin, TOKEN, { method: 'PUT' })]) {
    t.equal(response.status, 400)
    t.match(parsed(response), { error: { code: 'PROXY.INVALID_TOKEN_REQUEST' } })
    t.match(response.headers, { 'x-amsu-proxy-error': 'INVALID_TOKEN_REQUEST', 'cache-control': 'no-store', connection: 'close' })
  }
})

test('no content type is rejected', async t => {
  const { origin } = await setUp(t)
  for (const type of ['application/x-www-form-urlencoded; charset=utf-8', 'text/plain', 'nonsense', '', 'a/b/c', 'multipart/form-data', 'application/octet-stream']) {
    t.equal((await post(origin, TOKEN, CREDENTIALS, { 'content-type': type })).status, 200, type)
  }
  t.equal((await post(origin, TOKEN, CREDENTIALS, {})).status, 200, 'none')
  t.equal((await post(origin, TOKEN, '{"client_id":"legacy","client_secret":"s3cret"}', { 'content-type': 'application/json' })).status, 200, 'JSON')
  t.equal((await post(origin, TOKEN, '{"client_id":', { 'content-type': 'application/json' })).status, 400, 'broken JSON')
})

test('a query is no part of it', async t => {
  const { origin } = await setUp(t)
  t.equal((await post(origin, `${TOKEN}?client_id=x&client_secret=y`, CREDENTIALS)).status, 200)
  t.equal((await post(origin, `${TOKEN}?${CREDENTIALS}`, '')).status, 400)
})

test('every other method is rejected there with the list of those that are not, and never relayed', async t => {
  const { count, origin } = await setUp(t)
  for (const [path, allowed] of [[TOKEN, TOKEN_METHODS.token], [REFRESHMENT, TOKEN_METHODS.refreshment]] as const) {
    for (const method of RELAYED_METHODS) {
      if (allowed.some(each => each === method)) continue
      const response = await call(origin, path, { method })
      t.equal(response.status, 405, `${method} ${path}`)
      t.match(response.headers, { 'x-amsu-proxy-error': 'METHOD_REJECTED', allow: path === TOKEN ? 'POST, PUT' : 'POST' })
    }
  }
  t.equal(count.relayed, 0)
  t.equal((await call(origin, '/amsu-analysis/v2/available-times')).text, 'relayed', 'the neighbours are')
})

test('a token request of 3 MB is rejected, whether it says so or not, and the server lives on', async t => {
  const { count, origin } = await setUp(t)
  const body = Buffer.alloc(3_000_000, 'a')
  for (const headers of [{ 'content-length': body.length }, { 'transfer-encoding': 'chunked' }]) {
    const response = await call(origin, TOKEN, { method: 'POST', body, headers })
    t.equal(response.status, 413)
    t.match(response.headers, { 'x-amsu-proxy-error': 'BODY_TOO_LARGE', connection: 'close' })
  }
  t.equal((await post(origin, TOKEN, `${CREDENTIALS}&x=${'a'.repeat(16_384 - CREDENTIALS.length - 3)}`)).status, 200, 'exactly 16 KiB are fine')
  t.equal((await post(origin, TOKEN, `${CREDENTIALS}&x=${'a'.repeat(16_384 - CREDENTIALS.length - 2)}`)).status, 413, 'one more is not')
  t.equal(count.defects, 0)
})

test('an app that waits for a 100 gets it, once', async t => {
  const { port } = await setUp(t)
  const { text } = await sendBytes(port, `POST ${TOKEN} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: ${CREDENTIALS.length}\r\n\r\n${CREDENTIALS}`)
  t.match(text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/)
})

test('a client that disconnects in the middle affects no other', async t => {
  const { count, origin, port } = await setUp(t)
  const abort = new AbortController()
  const half = call(origin, TOKEN, { method: 'POST', headers: { 'content-length': 100 }, body: 'client_id=legacy', signal: abort.signal })
  setTimeout(() => { abort.abort() }, 50)
  await t.rejects(half)
  await sendBytes(port, `POST ${TOKEN} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nbroken\r\n`)
  t.equal((await post(origin, TOKEN, CREDENTIALS)).status, 200)
  t.equal(count.defects, 0)
})

test('nothing of a token request is logged, at any level', async t => {
  const { lines, origin } = await setUp(t)
  const { access_token: access, refresh_token: refresh } = parsed(await post(origin, TOKEN, CREDENTIALS))
  await post(origin, TOKEN, 'client_id=legacy&client_secret=wr0ng')
  await post(origin, REFRESHMENT, `refresh_token=${String(refresh)}`)
  await post(origin, TOKEN, '{"client_secret":"s3cret"')
  for (const secret of ['s3cret', 'wr0ng', String(access), String(refresh)]) t.notOk(lines.join('').includes(secret))
})
