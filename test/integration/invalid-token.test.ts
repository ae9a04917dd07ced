import { test, type Test } from 'tap'
import type { ServerResponse } from 'node:http'
import net from 'node:net'
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { call } from '../support/client.ts'
import { startProxy } from '../support/proxy.ts'
import { until } from '../support/until.ts'
import { json, startUpstream, type Received, type UpstreamOptions } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'
const BAD = { error: { code: 'COMMON.INVALID_CREDENTIALS', msg: 'no' } }

/** An AMSU that takes the newest token only, and has revoked the first `revoked` of them. */
async function setUp (t: Test, refuse: (res: ServerResponse) => void, settings: Record<string, string> = {}, options: UpstreamOptions = {}) {
  let revoked = 0
  const upstream = await startUpstream({
    onRequest: ({ headers, body }, res) => {
      const index = upstream.tokens.indexOf(String(headers.authorization).slice(7))
      if (index < revoked) refuse(res)
      else json(res, 200, { token: index + 1, bytes: body.length })
    },
    ...options,
  })
  const proxy = await startProxy(upstream.origin, settings)
  t.teardown(async () => { await proxy.stop(); await upstream.close() })
  await call(proxy.origin, PATH)
  return { upstream, proxy, revoke: () => { revoked = upstream.tokens.length } }
}

function tokenOf ({ headers }: Received): string {
  return String(headers.authorization)
}

test('a revoked token is renewed and the request sent once more: its caller notices nothing', async t => {
  for (const [name, refuse] of [
    ['401 with the envelope', res => { json(res, 401, BAD) }],
    ['401 without a word', res => { res.writeHead(401); res.end() }],
    ['401 with HTML', res => { res.writeHead(401, { 'content-type': 'text/html' }); res.end('<h1>no</h1>') }],
    ['400 with the code', res => { json(res, 400, BAD) }],
    ['403 with the code', res => { json(res, 403, BAD) }],
    ['422 with the code, in pieces', res => { res.writeHead(422, { 'content-type': 'application/json; charset=utf-8' }); for (const char of JSON.stringify(BAD)) res.write(char); res.end() }],
  ] as Array<[string, (res: ServerResponse) => void]>) {
    for (const [method, body, headers] of [['GET', '', {}], ['POST', 'x'.repeat(200_000), {}], ['POST', 'chunked', { 'transfer-encoding': 'chunked' }], ['PUT', '', { 'content-length': '0' }]] as const) {
      const { upstream, proxy, revoke } = await setUp(t, refuse)
      revoke()
      const got = await call(proxy.origin, PATH, { method, body, headers })
      t.equal(got.status, 200, `${name}, ${method}`)
      t.match(JSON.parse(got.text), { token: 2, bytes: body.length })
      t.equal(upstream.received.length, 3, 'sent twice, the first time refused')
      t.not(tokenOf(upstream.received[1] as Received), tokenOf(upstream.received[2] as Received))
      await proxy.untilLogged(2)
      t.match(proxy.accessLines()[1], { status: 200, replayed: true, bytesIn: body.length })
    }
  }
})

test('a rejected token is recognised in each content coding the caller accepts, and any other error reaches the caller unchanged', async t => {
  for (const [coding, encode] of [['gzip', gzipSync], ['x-gzip', gzipSync], ['deflate', deflateSync], ['deflate', deflateRawSync], ['br', brotliCompressSync], ['gzip, br', (body: string) => brotliCompressSync(gzipSync(body))]] as const) {
    let refusal: object = BAD
    const { upstream, proxy, revoke } = await setUp(t, res => { res.writeHead(400, { 'content-type': 'application/json', 'content-encoding': coding }); res.end(encode(JSON.stringify(refusal))) })
    revoke()
    const options = { method: 'POST', body: 'x', headers: { 'accept-encoding': 'gzip, deflate, br' } }
    t.equal((await call(proxy.origin, PATH, options)).status, 200, coding)
    t.equal(upstream.tokenCalls.length, 2, 'the token is renewed')
    refusal = { error: { code: 'COMMON.INVALID_PARAMETER' } }
    revoke()
    const { status, headers, body } = await call(proxy.origin, PATH, options)
    t.equal(status, 400)
    t.equal(headers['content-encoding'], coding)
    t.strictSame(body, encode(JSON.stringify(refusal)))
    t.equal(upstream.tokenCalls.length, 2, 'the token is not renewed')
  }
})

test('a hundred requests that see a token fail cause one renewal', async t => {
  const { upstream, proxy, revoke } = await setUp(t, res => { json(res, 401, BAD) })
  revoke()
  const responses = await Promise.all(Array.from({ length: 100 }, async () => await call(proxy.origin, PATH, { method: 'POST', body: 'x' })))
  t.same([...new Set(responses.map(({ status }) => status))], [200])
  t.equal(upstream.tokenCalls.length, 2)
  t.ok(upstream.received.length <= 201)
})

test('other rejections are passed on untouched, and renew nothing', async t => {
  const large = JSON.stringify({ error: { code: 'COMMON.INVALID_CREDENTIALS', msg: 'x'.repeat(70_000) } })
  for (const [name, refuse, status] of [
    ['another code', res => { json(res, 400, { error: { code: 'COMMON.INVALID_FILE_TYPE', msg: 'no' } }) }, 400],
    ['the code in a 5xx', res => { json(res, 500, BAD) }, 500],
    ['the code in a 200', res => { json(res, 200, BAD) }, 200],
    ['the code in HTML', res => { res.writeHead(403, { 'content-type': 'text/html' }); res.end(JSON.stringify(BAD)) }, 403],
    ['no JSON at all', res => { res.writeHead(404, { 'content-type': 'application/json' }); res.end('not found') }, 404],
    ['JSON null', res => { json(res, 403, null) }, 403],
    ['longer than any envelope', res => { res.writeHead(403, { 'content-type': 'application/json' }); res.end(large) }, 403],
    ['nothing', res => { res.writeHead(400, { 'content-type': 'application/json' }); res.end() }, 400],
  ] as Array<[string, (res: ServerResponse) => void, number]>) {
    const { upstream, proxy, revoke } = await setUp(t, refuse)
    revoke()
    const got = await call(proxy.origin, PATH)
    t.equal(got.status, status, name)
    if (name.startsWith('longer')) t.equal(got.text, large)
    t.equal(upstream.received.length, 2)
    t.equal(upstream.tokenCalls.length, 1)
  }
})

test('a 401 that a new token does not fix is AMSU’s response, and does not cost a renewal for each request', async t => {
  let count = 0
  const { upstream, proxy } = await setUp(t, () => {}, {}, {
    onRequest: (_received, res) => {
      count++
      if (count === 1) res.end('ok')
      else json(res, 401, { error: { code: 'COMMON.NO_PERMISSION', msg: `response ${count}` } }, { 'x-response': String(count) })
    },
  })
  const first = await call(proxy.origin, PATH)
  t.match(first, { status: 401, headers: { 'x-response': '2' }, text: /response 2/ }, 'the first response, not the second')
  for (let i = 0; i < 20; i++) t.equal((await call(proxy.origin, PATH)).status, 401)
  t.equal(upstream.tokenCalls.length, 2, 'one renewal in five seconds')
  t.equal(upstream.received.length, 1 + 2 + 20)
})

test('when the renewal fails the caller gets AMSU’s original response', async t => {
  let isDown = false
  const { upstream, proxy, revoke } = await setUp(t, res => { json(res, 401, BAD) }, { TOKEN_WAIT_MS: '200' }, { isTokenDown: () => isDown })
  isDown = true
  revoke()
  const got = await call(proxy.origin, PATH)
  t.match(got, { status: 401, text: JSON.stringify(BAD) })
  t.equal(upstream.received.length, 2)
  t.equal((await call(proxy.origin, PATH)).status, 503, 'the bad token is not sent again')
  t.equal(upstream.received.length, 2)
})

test('a body too large to keep is passed on with AMSU’s 401, and the next request finds a new token', async t => {
  const { upstream, proxy, revoke } = await setUp(t, res => { json(res, 401, BAD) }, { REPLAY_BODY_BYTES: '1000' })
  revoke()
  t.match(await call(proxy.origin, PATH, { method: 'POST', body: 'x'.repeat(1_001) }), { status: 401, text: JSON.stringify(BAD) })
  t.equal((await call(proxy.origin, PATH, { method: 'POST', body: 'x'.repeat(1_000) })).status, 200)
  t.equal(upstream.tokenCalls.length, 2)
  t.equal(upstream.received.length, 3)
})

test('a request is not sent again with a token of the value that AMSU rejected: its caller gets AMSU’s first response', async t => {
  const { upstream, proxy } = await setUp(t, () => {}, {}, {
    onToken: (_received, res) => { json(res, 200, { access_token: 'always-the-same-token', token_type: 'bearer', expires_in: 86_400 }) },
    onRequest: ({ method }, res) => { json(res, method === 'POST' ? 401 : 200, BAD) },
  })
  t.match(await call(proxy.origin, PATH, { method: 'POST', body: 'x' }), { status: 401, text: JSON.stringify(BAD) })
  t.equal(upstream.tokenCalls.length, 2, 'it was renewed')
  t.equal(upstream.received.filter(({ method }) => method === 'POST').length, 1)
  t.equal((await call(proxy.origin, PATH)).status, 200, 'AMSU issued it again, so other requests are sent with it')
})

test('the token of a 401 is not sent again, although the client leaves before the response is complete', async t => {
  let began = 0
  const { upstream, proxy } = await setUp(t, () => {}, {}, {
    onRequest ({ url }, res) {
      if (!url.endsWith('left/')) { json(res, 200, {}); return }
      res.writeHead(401, { 'content-type': 'application/json', 'content-length': '10' })
      res.write('{', () => { began++ })
    },
  })
  const client = net.connect(proxy.port, '127.0.0.1').on('error', () => {})
  client.write(`GET ${PATH}left/ HTTP/1.1\r\nHost: localhost\r\n\r\n`)
  await until(() => began === 1 && upstream.tokenCalls.length === 2)
  client.resetAndDestroy()
  await proxy.untilLogged(2)
  t.equal((await call(proxy.origin, PATH)).status, 200)
  t.match(tokenOf(upstream.received[2] as Received), /upstream-token-2-/)
})
