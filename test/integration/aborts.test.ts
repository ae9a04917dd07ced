/**
 * Clients that disconnect. The matrix of faulty lines has more of them (npm run test:toxics).
 */
import { test, type Test } from 'tap'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import net, { type Socket } from 'node:net'
import tls from 'node:tls'
import { instant, systemClock } from '../../src/clock.ts'
import { Secret } from '../../src/secrets/secret.ts'
import { Listener } from '../../src/server/listener.ts'
import { AccessToken } from '../../src/token/access-token.ts'
import { call } from '../support/client.ts'
import { startProxy, type Proxy } from '../support/proxy.ts'
import { listenOn } from '../support/raw-client.ts'
import { createRelay, type BareRelay } from '../support/relay.ts'
import { CA, trustingAgent } from '../support/tls.ts'
import { until } from '../support/until.ts'
import { json, startUpstream } from '../support/upstream.ts'
import { createRandom } from '../soak/random.ts'

const PATH = '/amsu-analysis/v2/things/'
const CALLERS = 300
const SPAN_MS = 900

/** What a client sends, by the phase in which it disconnects. None of these calls ends by itself. */
const REQUESTS = {
  waiting: `GET ${PATH}silent HTTP/1.1\r\nHost: localhost\r\n\r\n`,
  uploading: `POST ${PATH}silent HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(100_000)}`,
  uploaded: `POST ${PATH}silent HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100_000)}`,
  downloading: `GET ${PATH}endless HTTP/1.1\r\nHost: localhost\r\n\r\n`,
  'in the head': `GET ${PATH}silent HTTP/1.1\r\nHost: localh`,
} as const

/** How many connections of callers the proxy holds. */
async function countCallers ({ servers }: Proxy): Promise<number> {
  return await new Promise(resolve => { servers[0]?.listener.servers[0]?.getConnections((_error, count) => { resolve(count) }) })
}

/** Connects, sends, and disconnects `afterMs` after `begun`, by an end or a reset; resolves once the connection is closed. */
async function leave (port: number, bytes: string, begun: Promise<void>, afterMs: number, isReset: boolean): Promise<void> {
  const socket = net.connect(port, '127.0.0.1', () => { socket.write(bytes) })
  socket.on('error', () => {}).resume()
  await new Promise<void>(resolve => {
    socket.on('close', () => { resolve() })
    begun.then(() => { setTimeout(() => { isReset ? socket.resetAndDestroy() : socket.destroy() }, afterMs) }, () => { socket.destroy() })
  })
}

test('300 clients that disconnect at random within a second leave no connection open and nothing in flight', async t => {
  const used = new Set<Socket>()
  const busy = new Set<ServerResponse>()
  let seen = 0
  const upstream = await startUpstream({
    onHead (req, res) {
      if (!req.url?.startsWith(PATH)) return false
      seen++
      used.add(req.socket)
      busy.add(res)
      req.socket.on('close', () => used.delete(req.socket))
      res.on('close', () => busy.delete(res))
      req.on('error', () => {}).resume()
      if (req.url.endsWith('endless')) res.write('x'.repeat(200_000))
      return true
    },
  })
  // Stopping takes this grace period only if a request is still in flight.
  const proxy = await startProxy(upstream.origin, { SHUTDOWN_GRACE_MS: '60000', LOG_LEVEL: 'info' })
  t.teardown(upstream.close)
  const random = createRandom(300)
  const names = Object.keys(REQUESTS) as Array<keyof typeof REQUESTS>
  // On a busy machine all would leave before the first request has arrived.
  const begun = until(() => seen > 0)
  const left = Promise.all(Array.from({ length: CALLERS }, async () => {
    await leave(proxy.port, REQUESTS[random.pick(names)], begun, random.between(0, SPAN_MS), random.chance(0.5))
  }))
  await left
  await t.resolves(until(async () => await countCallers(proxy) === 0), 'no connection of a caller')
  await t.resolves(until(() => busy.size === 0 && used.size === 0), 'no call at AMSU, and no connection that ever had one')
  const lines = proxy.accessLines()
  t.ok(lines.length > 0)
  t.equal(new Set(lines.map(({ requestId }) => requestId)).size, lines.length, 'each request has one line')
  t.ok(lines.every(({ status }) => status === 499), 'and its status is 499')
  const before = performance.now()
  await proxy.stop()
  t.ok(performance.now() - before < 30_000, 'nothing was under way')
})

test('a client that disconnects while its request waits for a token is noticed, at the latest when the body is read', async t => {
  for (const [bodyBytes, isSent] of [[1_000, false], [900_000, true]] as const) {
    let issue = (): void => {}
    const upstream = await startUpstream({
      onToken (_received, res) {
        issue = () => { res.end(JSON.stringify({ access_token: 'x'.repeat(40), token_type: 'bearer', expires_in: 3600 })) }
      },
    })
    const proxy = await startProxy(upstream.origin)
    t.teardown(async () => { await proxy.stop(); await upstream.close() })
    await until(() => upstream.tokenCalls.length === 1)
    const caller = net.connect(proxy.port, '127.0.0.1', () => {
      caller.end(`POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${bodyBytes * 2}\r\n\r\n${'x'.repeat(bodyBytes)}`)
    })
    caller.on('error', () => {}).resume()
    if (isSent) await until(() => caller.writableFinished)
    else await proxy.untilLogged(1)
    issue()
    await proxy.untilLogged(1)
    t.match(proxy.accessLines(), [{ status: 499 }], `${bodyBytes} bytes`)
    t.equal(upstream.received.length, 0, 'AMSU has seen no whole request')
  }
})

/** Sends all of this in one burst, with the end of the connection behind it. */
function leaveBehind (port: number, bytes: string): Socket {
  const client = net.connect(port, '127.0.0.1', () => { client.end(bytes) })
  return client.on('error', () => {}).resume()
}

const BODY = 'x'.repeat(1_500_000)
const CHUNKED = `${(1_500_000).toString(16)}\r\n${BODY}\r\n0\r\n\r\n`

/** Calls whose client has left before their last byte is read. */
const LEFT_BEFORE_THE_END = {
  'a POST of a length': `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
  'a chunked POST': `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKED}`,
  'a short POST': `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello`,
  'a short chunked POST': `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
} as const

test('a POST whose client has left meanwhile never reaches AMSU whole, whether it waited for a token or was being sent', async t => {
  for (const [name, bytes] of Object.entries(LEFT_BEFORE_THE_END)) {
    for (const hasToken of [true, false]) {
      let issue = (): void => {}
      const upstream = await startUpstream({
        onToken (_received, res) {
          issue = () => { res.end(JSON.stringify({ access_token: 'x'.repeat(40), token_type: 'bearer', expires_in: 3600 })) }
          if (hasToken) issue()
        },
      })
      const proxy = await startProxy(upstream.origin)
      t.teardown(async () => { await proxy.stop(); await upstream.close() })
      await until(() => upstream.tokenCalls.length === 1)
      if (hasToken) await until(() => proxy.lines.some(line => line.includes('AMSU access token obtained')))
      const client = leaveBehind(proxy.port, bytes)
      await until(() => client.writableFinished)
      if (!hasToken) issue()
      await proxy.untilLogged(1)
      t.match(proxy.accessLines(), [{ status: 499 }])
      t.equal(upstream.received.length, 0, `${name}, ${hasToken ? 'with' : 'without'} a token: AMSU has seen no whole request`)
    }
  }
})

/** Sends all of this in one burst, with a reset of the connection behind it. */
async function resetBehind (port: number, bytes: string, isTls: boolean): Promise<void> {
  const raw = net.connect(port, '127.0.0.1')
  const client = isTls ? tls.connect({ socket: raw, ca: CA, servername: 'localhost' }) : raw
  for (const socket of new Set([raw, client])) socket.on('error', () => {}).resume()
  await once(client, isTls ? 'secureConnect' : 'connect')
  await new Promise(resolve => { client.write(bytes, resolve) })
  raw.resetAndDestroy()
}

test('a POST whose client has reset the connection behind it never reaches AMSU whole, over TLS neither', async t => {
  for (const isTls of [false, true]) {
    const upstream = await startUpstream()
    const proxy = await startProxy(upstream.origin, isTls ? listenOn(t, 'TLS') : {})
    const options = isTls ? { agent: trustingAgent() } : {}
    t.teardown(async () => { await proxy.stop(); await upstream.close() })
    let lines = 0
    const get = async (): Promise<void> => {
      await call(proxy.origin, PATH, options)
      await proxy.untilLogged(++lines)
    }
    await get() // there is an idle connection to AMSU
    for (const name of ['a short POST', 'a short chunked POST'] as const) {
      await resetBehind(proxy.port, LEFT_BEFORE_THE_END[name], isTls)
      await proxy.untilLogged(++lines)
      t.match(proxy.accessLines().at(-1), { status: 499 })
      await get() // AMSU has read what was sent before
      t.strictSame(upstream.received.filter(({ method }) => method === 'POST'), [], name)
    }
  }
})

/** A relay whose client has left when its request is identified, or sent again: both happen in the turn in which its end is read. */
async function startLeaving (t: Test, upstream: { origin: string }, phase: string): Promise<BareRelay & { origin: string, isWaiting: () => boolean }> {
  const tokens = ['first', 'second'].map(name => new AccessToken(new Secret(`${name}-token-${'x'.repeat(40)}`), instant(systemClock), 86_400_000))
  let [current, ...others] = tokens
  let proceed: (() => void) | undefined
  const bare = createRelay(t, upstream, {
    current: () => current,
    acquire: async () => await new Promise(resolve => { proceed = () => { current = others[0]; resolve(others[0] as AccessToken) } }),
    invalidate () { current = undefined; return true },
  })
  const listener = new Listener({
    tls: undefined,
    headTimeoutMs: undefined,
    onRejected: () => 'request-1',
    onRequest (req, res, connection) {
      const start = (): void => { bare.relay.relay({ req, res, requestId: 'request-1', connection, caller: undefined, isLate: false }) }
      req.socket.once('end', () => { proceed?.() })
      if (req.url === '/warm' || phase !== 'identified') start()
      else proceed = start
    },
  })
  const origin = await listener.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(async () => { listener.destroyAll(); await listener.close() })
  return { ...bare, origin, isWaiting: () => proceed !== undefined }
}

test('nothing is sent for a client that left while its caller was identified, or while its request waited for a token to be sent again with', async t => {
  for (const phase of ['identified', 'sent again']) {
    for (const method of ['GET', 'POST']) {
      const upstream = await startUpstream({ onRequest ({ url }, res) { json(res, url === PATH && upstream.received.filter(other => other.url === PATH).length === 1 ? 401 : 200, {}) } })
      t.teardown(upstream.close)
      const { origin, outcomes, isWaiting } = await startLeaving(t, upstream, phase)
      await call(origin, '/warm')
      const client = net.connect(Number(new URL(origin).port), '127.0.0.1')
      client.on('error', () => {}).resume()
      client.write(`${method} ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${method === 'GET' ? '0\r\n\r\n' : '5\r\n\r\nhello'}`)
      await until(isWaiting)
      client.end()
      await until(() => outcomes.length === 2)
      t.match(outcomes[1], { status: 499 })
      await call(origin, '/warm') // AMSU has read what was sent before
      t.strictSame(upstream.received.map(({ url }) => url), ['/warm', ...phase === 'sent again' ? [PATH] : [], '/warm'], `${method}, ${phase}`)
    }
  }
})
