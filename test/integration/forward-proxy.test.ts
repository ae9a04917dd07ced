import { test, type Test } from 'tap'
import net from 'node:net'
import { call, errorCode } from '../support/client.ts'
import { startForwardProxy, type ForwardProxyOptions, type TestForwardProxy } from '../support/forward-proxy.ts'
import { CLIENT_ID, CLIENT_SECRET, startProxy, type Proxy } from '../support/proxy.ts'
import { CA_PATH, startTlsFront, type TlsFront } from '../support/tls.ts'
import { until } from '../support/until.ts'
import { json, startTcp, startUpstream, type Upstream, type UpstreamOptions } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/?a=%20b'
const USER = 'ward-7'
const PASSWORD = 'forward-pass-61c9'

interface Stage {
  readonly upstream: Upstream
  readonly front: TlsFront | undefined
  readonly forward: TestForwardProxy
  readonly proxy: Proxy
}

/** A proxy that reaches AMSU through a forward proxy only. */
async function startStage (t: Test, scheme: 'http' | 'https', options: ForwardProxyOptions & { user?: string } = {}, upstreamOptions: UpstreamOptions = {}): Promise<Stage> {
  const upstream = await startUpstream(upstreamOptions)
  const front = scheme === 'https' ? await startTlsFront(upstream, 'server') : undefined
  const forward = await startForwardProxy(options)
  const url = options.user === undefined ? forward.url : forward.url.replace('//', `//${options.user}@`)
  const proxy = await startProxy((front ?? upstream).origin, { AMSU_HTTP_PROXY: url, AMSU_CA_FILE: CA_PATH, TOKEN_WAIT_MS: '1500' })
  t.teardown(async () => { await proxy.stop(); await forward.close(); await front?.close(); await upstream.close() })
  return { upstream, front, forward, proxy }
}

for (const scheme of ['http', 'https'] as const) {
  test(`token calls and relayed calls go to an AMSU at ${scheme} through the forward proxy, and not past it`, async t => {
    const { upstream, front, forward, proxy } = await startStage(t, scheme)
    const body = Buffer.alloc(300_000, 'ecg')
    t.match(await call(proxy.origin, PATH, { method: 'POST', body }), { status: 200, text: '"bytes":300000' })
    t.match(await call(proxy.origin, PATH), { status: 200 })
    t.equal(upstream.tokenCalls.length, 1)
    const { origin, host } = new URL((front ?? upstream).origin)
    const expected = scheme === 'http'
      ? [`POST ${origin}/amsu-analysis/v2/token`, `POST ${origin}${PATH}`, `GET ${origin}${PATH}`]
      : [`CONNECT ${host}`, `CONNECT ${host}`]
    t.strictSame(forward.asked.map(({ method, target }) => `${method} ${target}`), expected)
    t.equal(forward.connections(), scheme === 'http' ? 3 : 2, 'tunnels are used again; a connection for http is not, because some forward proxies close it without a word')
    t.match(upstream.received.map(({ url, headers }) => [url, headers.host, headers.authorization]), [[PATH, host, `Bearer ${String(upstream.tokens[0])}`], [PATH, host, `Bearer ${String(upstream.tokens[0])}`]])
    if (front !== undefined) t.equal(front.connections(), 2, 'TLS ends at AMSU')
  })

  test(`the password is for the forward proxy alone, with an AMSU at ${scheme}: neither AMSU nor a caller nor the log sees it`, async t => {
    const { upstream, forward, proxy } = await startStage(t, scheme, { credentials: `${USER}:${PASSWORD}`, user: `${USER}:${PASSWORD}` })
    const got = await call(proxy.origin, PATH, { headers: { 'Proxy-Authorization': 'Basic Y2FsbGVyOmNhbGxlcg==', Proxy_Authorization: 'x' } })
    t.equal(got.status, 200)
    const authorization = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`
    t.ok(forward.asked.length >= 2)
    for (const { headers } of forward.asked) t.equal(headers['proxy-authorization'], authorization)
    for (const { rawHeaders } of [...upstream.received, ...upstream.tokenCalls]) t.notMatch(rawHeaders.join(), /proxy.authorization|Y2FsbGVy/i)
    const said = [...proxy.lines, got.text, got.rawHeaders.join()].join()
    for (const secret of [PASSWORD, authorization.slice(6), CLIENT_ID, CLIENT_SECRET]) t.notOk(said.includes(secret))
  })

  test(`the final dot of AMSU’s name is for DNS: neither the forward proxy nor an AMSU at ${scheme} sees it, and a Location with or without it leads back here`, async t => {
    const upstream = await startUpstream({ onRequest: ({ headers: { host } }, res) => { res.writeHead(302, { location: `${scheme}://${String(host).replace(':', '.:')}/a`, 'content-location': `${scheme}://${String(host)}/b` }).end() } })
    const front = scheme === 'https' ? await startTlsFront(upstream, 'server') : undefined
    const forward = await startForwardProxy()
    const { port } = new URL((front ?? upstream).origin)
    const proxy = await startProxy(`${scheme}://localhost.:${port}`, { AMSU_HTTP_PROXY: forward.url, AMSU_CA_FILE: CA_PATH })
    t.teardown(async () => { await proxy.stop(); await forward.close(); await front?.close(); await upstream.close() })
    t.match(await call(proxy.origin, PATH), { status: 302, headers: { location: `${proxy.origin}/a`, 'content-location': `${proxy.origin}/b` } })
    t.match([...upstream.received, ...upstream.tokenCalls].map(({ headers }) => headers.host), [`localhost:${port}`, `localhost:${port}`])
    for (const { target } of forward.asked) t.notMatch(target, 'localhost.')
  })

  test(`a forward proxy that does not know us is a failed connection to an AMSU at ${scheme}: no token, and with one in hand 502`, async t => {
    const { upstream, forward, proxy } = await startStage(t, scheme, { credentials: 'another:one', user: `${USER}:${PASSWORD}` })
    t.equal(errorCode((await call(proxy.origin, PATH)).text), 'PROXY.TOKEN_UNAVAILABLE')
    t.equal(upstream.tokenCalls.length, 0, 'AMSU was not called')
    await until(() => proxy.lines.join('').includes('the proxy got no access token from AMSU'))
    t.notMatch(proxy.lines.join(''), new RegExp(`${PASSWORD}|credentials_rejected|check AMSU_CLIENT_ID`))
    t.ok(forward.asked.length > 0)
  })

  test(`what the forward proxy refuses with 407 never reaches an AMSU at ${scheme}, and the client gets 502, whatever the request`, async t => {
    let status: number | undefined
    const { upstream, forward, proxy } = await startStage(t, scheme, { refusal: () => status })
    t.equal((await call(proxy.origin, PATH)).status, 200)
    status = 407
    forward.cut()
    const asked = forward.asked.length
    for (const [method, body] of [['GET', ''], ['POST', 'data'], ['POST', 'x'.repeat(20_000)]] as const) {
      const got = await call(proxy.origin, PATH, { method, body })
      t.match(got, { status: 502, headers: { 'x-amsu-proxy-error': 'UPSTREAM_UNREACHABLE', 'proxy-authenticate': undefined } }, method)
    }
    t.equal(forward.asked.length, asked + 3, 'each was asked for once')
    t.equal(upstream.received.length, 1)
    await proxy.untilLogged(4)
    t.match(proxy.accessLines().at(-1), { errorCode: 'PROXY.UPSTREAM_UNREACHABLE', cause: { code: 'ERR_FORWARD_PROXY', message: 'the forward proxy responded 407' } })
    status = undefined
    t.equal((await call(proxy.origin, PATH)).status, 200, 'and the next request is served')
  })

  test(`a forward proxy that is not there is UPSTREAM_UNREACHABLE for an AMSU at ${scheme}: nothing was sent`, async t => {
    const { upstream, forward, proxy } = await startStage(t, scheme)
    t.equal((await call(proxy.origin, PATH)).status, 200)
    await forward.close()
    for (const method of ['GET', 'POST']) {
      t.match(await call(proxy.origin, PATH, { method, body: method === 'POST' ? 'data' : '' }), { status: 502, headers: { 'x-amsu-proxy-error': 'UPSTREAM_UNREACHABLE' } }, method)
    }
    t.equal(upstream.received.length, 1)
    await proxy.untilLogged(3)
    t.match(proxy.accessLines().at(-1), { cause: { code: 'ERR_FORWARD_PROXY', cause: { code: 'ECONNREFUSED' } } })
  })

  test(`a GET that meets a stale connection through the forward proxy is retried once, a POST never (${scheme})`, async t => {
    const { upstream, front, forward, proxy } = await startStage(t, scheme)
    // Both ends close at once, so that the connection looks usable until it is used.
    const dying = (): void => { for (const socket of upstream.sockets) socket.destroy(); forward.cut() }
    t.equal((await call(proxy.origin, PATH)).status, 200)
    dying()
    t.equal((await call(proxy.origin, PATH)).status, 200, 'a GET')
    dying()
    const got = await call(proxy.origin, PATH, { method: 'POST', body: 'data' })
    t.ok([200, 502].includes(got.status), 'a POST is served on a new connection, or not at all')
    t.equal(upstream.received.filter(({ method }) => method === 'POST').length, got.status === 200 ? 1 : 0)
    if (front !== undefined) t.ok(front.connections() >= 3)
  })
}

/** A tunnel that leads nowhere: nothing in it responds. */
const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n'

test('403, 502, an early end, garbage or silence for a tunnel are UPSTREAM_UNREACHABLE, and AMSU sees nothing of it', async t => {
  const upstream = await startUpstream()
  const front = await startTlsFront(upstream, 'server')
  const good = await startForwardProxy()
  let response: string | undefined
  let isOdd = false
  const odd = await startTcp(socket => {
    if (isOdd) {
      socket.once('data', () => {
        if (response === ESTABLISHED) socket.write(response)
        else if (response !== undefined) socket.end(response)
      })
      return
    }
    const behind = net.connect(good.port, '127.0.0.1')
    behind.on('error', () => {})
    socket.pipe(behind).pipe(socket)
  })
  const proxy = await startProxy(front.origin, { AMSU_HTTP_PROXY: odd.origin, AMSU_CA_FILE: CA_PATH, UPSTREAM_CONNECT_TIMEOUT_MS: '1000' })
  t.teardown(async () => { await proxy.stop(); await odd.close(); await good.close(); await front.close(); await upstream.close() })
  t.equal((await call(proxy.origin, PATH)).status, 200)
  isOdd = true
  await front.swap('server') // ends the pooled connection
  const before = front.text()
  for (const text of ['HTTP/1.1 403 Forbidden\r\n\r\n', 'HTTP/1.0 502 Bad Gateway\r\nContent-Length: 4\r\n\r\nhtml', '', 'garbage\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\nwho speaks here', ESTABLISHED, undefined]) {
    response = text
    t.match(await call(proxy.origin, PATH, { method: 'POST', body: 'data' }), { status: 502, headers: { 'x-amsu-proxy-error': 'UPSTREAM_UNREACHABLE' } }, String(text))
  }
  t.equal(front.text(), before)
  isOdd = false
  t.equal((await call(proxy.origin, PATH)).status, 200, 'and the next request is served')
})

test('TLS is verified through a tunnel as it is without: another AMSU in its place gets no byte', async t => {
  const { front, proxy, forward } = await startStage(t, 'https')
  t.equal((await call(proxy.origin, PATH)).status, 200)
  for (const name of ['self-signed', 'wrong-name', 'expired'] as const) {
    await front?.swap(name)
    const before = front?.text()
    t.match(await call(proxy.origin, PATH, { method: 'POST', body: 'data' }), { status: 502, headers: { 'x-amsu-proxy-error': 'UPSTREAM_UNREACHABLE' } }, name)
    t.equal(front?.text(), before)
  }
  t.ok(forward.asked.length >= 5)
})

test('what the forward proxy sends for an http request in its own name, except 407, is passed on as AMSU’s would be', async t => {
  let status: number | undefined
  const { proxy } = await startStage(t, 'http', { refusal: () => status })
  t.equal((await call(proxy.origin, PATH)).status, 200)
  for (status of [403, 502, 504]) t.match(await call(proxy.origin, PATH), { status, text: '<html>the forward proxy says no</html>', headers: { 'x-amsu-proxy-error': undefined } })
})

test('a 401 that asks for Basic is the forward proxy’s, as tinyproxy sends for a wrong password; AMSU’s own 401 stays what it was', async t => {
  let isForwards = false
  const { upstream, proxy } = await startStage(t, 'http', {}, {
    onRequest: (_call, res) => {
      if (isForwards) res.writeHead(401, { 'www-authenticate': 'Basic realm="Tinyproxy"', 'content-type': 'text/html' }).end('<html>')
      else json(res, 401, { error: { code: 'COMMON.INVALID_CREDENTIALS', msg: 'no' } }, { 'www-authenticate': 'Bearer' })
    },
  })
  t.match(await call(proxy.origin, PATH), { status: 401, headers: { 'x-amsu-proxy-error': undefined } })
  t.equal(upstream.tokens.length, 2, 'the token was renewed')
  isForwards = true
  t.match(await call(proxy.origin, PATH), { status: 502, headers: { 'x-amsu-proxy-error': 'UPSTREAM_UNREACHABLE' } })
  t.equal(upstream.tokens.length, 2, 'and is not rejected for what the forward proxy says')
})
