/**
 * Clients that read nothing, end their side early, pipeline without need, or leave: each costs what it may cost, and no longer than it may.
 */
import { test, type Test } from 'tap'
import { once } from 'node:events'
import type http from 'node:http'
import type { Socket } from 'node:net'
import { call } from '../support/client.ts'
import { endProgram, startProgram } from '../support/program.ts'
import { startProxy, type Proxy } from '../support/proxy.ts'
import { connectBoth, connectRaw, listenOn, statuses, type RawClient } from '../support/raw-client.ts'
import { CA, trustingAgent } from '../support/tls.ts'
import { until } from '../support/until.ts'
import { json, startScripted, startUpstream, type Scripted, type Upstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'
const GET = `GET ${PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n`
const IDLE_TIMEOUT_MS = 500

/** More than the kernels on both sides hold. */
const LARGE_BYTES = 20_000_000

/** An AMSU that responds to every request with the beginning of a large response. */
async function startLarge (t: Test): Promise<Scripted> {
  const upstream = await startScripted((_head, socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE_BYTES * 5}\r\n\r\n`)
    socket.write(Buffer.alloc(LARGE_BYTES))
  })
  t.teardown(upstream.close)
  return upstream
}

/** A proxy before `upstream` that is stopped at the end, where a stop must not wait for anybody. */
async function startBefore (t: Test, upstream: { origin: string }, settings: Record<string, string> = {}): Promise<Proxy> {
  const proxy = await startProxy(upstream.origin, { UPSTREAM_IDLE_TIMEOUT_MS: String(IDLE_TIMEOUT_MS), SHUTDOWN_GRACE_MS: '60000', ...settings })
  t.teardown(proxy.stop)
  return proxy
}

async function inFlight (origin: string): Promise<number> {
  return Number(/\namsu_proxy_in_flight_requests (\d+)/.exec((await call(origin, '/metrics')).text)?.[1])
}

for (const [name, requests, isEnding] of [['ends its side', 1, true], ['pipelines', 2, false], ['pipelines and ends its side', 2, true]] as const) {
  test(`a client that reads nothing and ${name} is cut after the idle timeout: its place and its connection to AMSU are free, with one log line`, async t => {
    const upstream = await startLarge(t)
    const proxy = await startBefore(t, upstream)
    const { client, accepted } = await connectBoth(t, proxy)
    client.socket.write(GET.repeat(requests))
    await until(() => accepted.writableLength > 0)
    if (isEnding) client.socket.end()
    await until(() => accepted.destroyed)
    await proxy.untilLogged(1)
    await until(() => upstream.sockets.size <= 1) // that of token calls
    t.equal(await inFlight(proxy.origin), 0)
    t.match(proxy.accessLines(), [{ status: 499 }])
    t.equal(proxy.accessLines().length, 1)
    t.equal(upstream.heads.length, 1, 'what stood behind it was not sent')
  })
}

test('a response that AMSU breaks off does not hold its place while a client that pipelines goes on sending', async t => {
  const upstream = await startScripted((_head, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nthe first bytes', () => setTimeout(() => socket.resetAndDestroy(), 50))
  })
  t.teardown(upstream.close)
  const proxy = await startBefore(t, upstream)
  const client = await connectRaw(t, proxy.origin)
  client.socket.write(GET + GET)
  const timer = setInterval(() => client.socket.write('X'), 20)
  t.teardown(() => { clearInterval(timer) })
  await proxy.untilLogged(1)
  t.notOk(client.socket.closed, 'its connection lingers')
  t.equal(await inFlight(proxy.origin), 0)
  t.equal(proxy.accessLines().length, 1)
  t.equal(upstream.heads.length, 1)
})

for (const isBroken of [false, true]) {
  test(`over TLS a client that pipelines behind an unread response and goes on sending ${isBroken ? 'while AMSU breaks it off' : 'is cut, and'} does not end the process`, async t => {
    const upstream = await startLarge(t)
    const program = await startProgram(upstream.origin, { UPSTREAM_IDLE_TIMEOUT_MS: isBroken ? '60000' : String(IDLE_TIMEOUT_MS), ...listenOn(t, 'TLS') })
    t.teardown(async () => { await endProgram(program) })
    const agent = trustingAgent({ ca: CA })
    t.teardown(() => { agent.destroy() })
    const client = await connectRaw(t, program.origin)
    client.socket.write(GET)
    await until(() => upstream.heads.length === 1)
    for (const bytes of [GET, GET + GET]) {
      await new Promise(resolve => setTimeout(resolve, 100)) // in segments of their own
      client.socket.write(bytes)
    }
    const timer = setInterval(() => client.socket.write('G'), 20)
    t.teardown(() => { clearInterval(timer) })
    if (isBroken) {
      for (const socket of upstream.sockets) socket.resetAndDestroy()
      client.socket.resume() // what is held back for a client hides that AMSU has gone
    }
    await until(() => /"msg":"request"/.test(program.output()) || program.child.exitCode !== null || program.child.signalCode !== null)
    await new Promise(resolve => setTimeout(resolve, 100))
    t.strictSame([program.child.exitCode, program.child.signalCode], [null, null])
    t.equal((await call(program.origin, '/livez', { agent })).status, 200)
  })
}

test('a local response that its client does not read is cut after the idle timeout, and a stop does not wait for it', async t => {
  const upstream = await startUpstream()
  t.teardown(upstream.close)
  const flood = async (proxy: Proxy): Promise<{ client: RawClient, accepted: Socket }> => {
    const scene = await connectBoth(t, proxy)
    // A unix socket holds 200 kB.
    scene.client.socket.write('GET /status HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n\r\n'.repeat(60))
    await until(() => scene.accepted.writableLength > 0)
    return scene
  }
  const first = await startBefore(t, upstream, listenOn(t, 'a unix socket'))
  const { accepted } = await flood(first)
  t.ok(first.servers[0]?.listener.isBusy)
  await until(() => accepted.destroyed && first.servers[0]?.listener.isBusy === false)
  const second = await startBefore(t, upstream, { UPSTREAM_IDLE_TIMEOUT_MS: '60000', SHUTDOWN_GRACE_MS: '100', ...listenOn(t, 'a unix socket') })
  const unread = await flood(second)
  const before = performance.now()
  await second.stop()
  t.ok(performance.now() - before < 10_000)
  t.ok(unread.accepted.destroyed)
})

/** A proxy whose AMSU holds every POST. */
async function setUpHeld (t: Test): Promise<{ proxy: Proxy, upstream: Upstream, held: http.ServerResponse[] }> {
  const held: http.ServerResponse[] = []
  const upstream = await startUpstream({ onRequest: ({ method }, res) => { if (method === 'POST') held.push(res); else res.end('ok') } })
  t.teardown(upstream.close)
  return { proxy: await startBefore(t, upstream, { UPSTREAM_IDLE_TIMEOUT_MS: '60000' }), upstream, held }
}

const POST = `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx`

test('a client that leaves is noticed, and its request at AMSU cancelled, however many requests stand behind it', async t => {
  const { proxy, held } = await setUpHeld(t)
  for (const behind of [0, 70, 330, 1_500]) {
    for (const leave of ['destroy', 'resetAndDestroy'] as const) {
      const client = await connectRaw(t, proxy.origin)
      client.socket.write(POST)
      await until(() => held.length === 1)
      client.socket.write(GET.repeat(behind))
      await new Promise(resolve => setTimeout(resolve, 30)) // they lie in the proxy
      const cancelled = once(held.pop() as http.ServerResponse, 'close')
      client.socket[leave]()
      await cancelled
      await until(async () => await inFlight(proxy.origin) === 0)
      t.pass(`${behind} requests, ${leave}`)
    }
  }
})

/** A head of 14 kB that takes ten times as much in memory. */
const WIDE_HEAD = `${GET.slice(0, -2)}${Array.from({ length: 1_900 }, (_, i) => `x${i.toString(36)}:\r\n`).join('')}\r\n`

test('what a client pipelines beyond its share behind the request in flight is discarded, and the last response says so', async t => {
  const { proxy, upstream, held } = await setUpHeld(t)
  const { client, accepted } = await connectBoth(t, proxy)
  client.socket.write(POST)
  await until(() => held.length === 1)
  const before = accepted.bytesRead
  client.socket.write(WIDE_HEAD.repeat(60))
  await until(() => accepted.bytesRead === before + WIDE_HEAD.length * 60)
  held[0]?.end('paid for')
  const text = await client.readAll()
  t.match(text.slice(text.lastIndexOf('HTTP/1.1')), /\r\nconnection: close\r\n/i)
  const executed = upstream.received.length - 1
  // A head that begins below the limit of 2,000 fields is taken whole.
  t.equal(executed, 2, 'of 60, which have 1,900 fields each')
  t.equal(statuses(text).length, executed + 1)
})

test('pipelined heads with thousands of headers on many connections end no process that has little memory', async t => {
  const upstream = await startUpstream({ onRequest () {}, onToken: (_received, res) => { json(res, 200, { access_token: 'x'.repeat(40), token_type: 'bearer', expires_in: 86_400 }) } })
  t.teardown(upstream.close)
  const program = await startProgram(upstream.origin, {}, ['--max-old-space-size=96'])
  t.teardown(async () => { await endProgram(program) })
  for (let i = 0; i < 10; i++) {
    const client = await connectRaw(t, program.origin)
    client.socket.write(POST)
    await until(() => upstream.received.length === i + 1)
    client.socket.write(WIDE_HEAD.repeat(70))
    await until(() => client.socket.writableLength === 0 || client.socket.destroyed)
    if (client.socket.destroyed) break // the process is gone
  }
  t.strictSame([program.child.exitCode, program.child.signalCode], [null, null])
  t.equal((await call(program.origin, '/livez')).status, 200)
})
