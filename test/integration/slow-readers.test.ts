/**
 * Clients that read a long response slowly, or stop. What the kernels on both sides hold, some 8 MB here, passes at once; what comes
 * after it waits in the proxy and at AMSU (backpressure).
 */
import { test, type Test } from 'tap'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import net, { type Socket } from 'node:net'
import tls from 'node:tls'
import { FakeClock } from '../support/fake-clock.ts'
import { startProxy, type Proxy } from '../support/proxy.ts'
import { CA, pemPath } from '../support/tls.ts'
import { until } from '../support/until.ts'
import { startScripted } from '../support/upstream.ts'

const RESPONSE_BYTES = 24_000_000
const REQUEST = 'GET /amsu-analysis/v2/things/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
const IDLE_TIMEOUT_MS = 500

/** With much less than this, the kernel would show no progress within the timeout; see src/relay/write-stall.ts. */
const BYTES_PER_MS = 12_000

interface Scene {
  readonly proxy: Proxy
  /** The caller's connection: the request is sent, nothing of the response is read. */
  readonly caller: Socket
  /** AMSU's connection once the request is there. */
  readonly amsu: () => Socket
}

async function setUp (t: Test, scheme: 'http' | 'https'): Promise<Scene> {
  const chunk = Buffer.alloc(62_500)
  const connections: Socket[] = []
  const upstream = await startScripted((_head, socket) => {
    connections.push(socket)
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${RESPONSE_BYTES}\r\n\r\n`)
    let left = RESPONSE_BYTES
    const push = (): void => {
      while (left > 0 && !socket.writableNeedDrain) {
        socket.write(chunk)
        left -= chunk.length
      }
    }
    socket.on('drain', push)
    push()
  })
  const listener = scheme === 'https' ? { TLS_CERT_FILE: pemPath('server.pem'), TLS_KEY_FILE: pemPath('server-key.pem') } : {}
  const proxy = await startProxy(upstream.origin, { UPSTREAM_IDLE_TIMEOUT_MS: String(IDLE_TIMEOUT_MS), ...listener })
  const place = { port: proxy.port, host: '127.0.0.1' }
  const caller = scheme === 'https' ? tls.connect({ ...place, ca: CA }) : net.connect(place)
  caller.on('error', () => {})
  await once(caller, scheme === 'https' ? 'secureConnect' : 'connect')
  t.teardown(async () => { caller.destroy(); await proxy.stop(); await upstream.close() })
  caller.write(REQUEST)
  await once(caller, 'readable')
  return { proxy, caller, amsu: () => connections[0] as Socket }
}

/** Reads at an even pace, whatever the timers do, and resolves to the number of bytes once the connection has ended. */
async function readSlowly (caller: Socket): Promise<number> {
  const startedMs = performance.now()
  let bytes = 0
  return await new Promise(resolve => {
    const timer = setInterval(() => {
      const due = (performance.now() - startedMs) * BYTES_PER_MS - bytes
      const piece = caller.read(Math.min(due, caller.readableLength)) as Buffer | null
      bytes += piece?.length ?? 0
    }, 10)
    caller.on('close', () => {
      clearInterval(timer)
      resolve(bytes)
    })
  })
}

for (const scheme of ['http', 'https'] as const) {
  test(`a caller who stops reading is cut and logged as 499, not as AMSU’s fault, and the call at AMSU is cancelled: ${scheme}`, async t => {
    const { proxy, amsu } = await setUp(t, scheme)
    // Not events.once, which takes the reset for a failure.
    await new Promise(resolve => amsu().on('close', resolve))
    await proxy.untilLogged(1)
    const [line] = proxy.accessLines()
    t.match(line, { status: 499 })
    t.notOk(line?.['errorCode'])
    t.ok(Number(line?.['durationMs']) >= IDLE_TIMEOUT_MS)
  })

  test(`a caller who reads slowly gets the whole response, though it takes several timeouts: ${scheme}`, async t => {
    const { proxy, caller } = await setUp(t, scheme)
    t.ok(await readSlowly(caller) > RESPONSE_BYTES)
    await proxy.untilLogged(1)
    t.match(proxy.accessLines()[0], { status: 200, bytesOut: RESPONSE_BYTES })
  })
}

/** Sends chunks until the proxy reads no more, because AMSU takes none, and then the last one. */
async function upload (caller: Socket, read: () => IncomingMessage | undefined): Promise<void> {
  const piece = `1000\r\n${'x'.repeat(4_096)}\r\n`
  caller.write('POST /amsu-analysis/v2/things/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n')
  await until(() => read() !== undefined)
  let paused = 0
  await until(async () => {
    while (read()?.isPaused() === false) {
      caller.write(piece)
      await new Promise(setImmediate)
      paused = 0
    }
    return ++paused > 5
  })
  caller.write('0\r\n\r\n')
  await until(() => read()?.complete === true)
}

test('a caller who leaves with an early response unread is cut, and holds no place', async t => {
  const connections: Socket[] = []
  const upstream = await startScripted((_head, socket) => { connections.push(socket.pause()) })
  const clock = new FakeClock()
  const proxy = await startProxy(upstream.origin, { UPSTREAM_IDLE_TIMEOUT_MS: String(IDLE_TIMEOUT_MS) }, clock)
  let req: IncomingMessage | undefined
  proxy.servers[0]?.listener.servers[0]?.prependListener('request', (read: IncomingMessage) => { req = read })
  const caller = net.connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true })
  caller.on('error', () => {}).pause()
  t.teardown(async () => {
    caller.destroy()
    let isStopped = false
    const stopped = proxy.stop().finally(() => { isStopped = true })
    await until(async () => { await clock.advance(IDLE_TIMEOUT_MS); return isStopped })
    await stopped
    await upstream.close()
  })
  await upload(caller, () => req)
  const { socket } = req as unknown as IncomingMessage
  connections[0]?.write(`HTTP/1.1 200 OK\r\nContent-Length: ${RESPONSE_BYTES}\r\n\r\n`)
  // Something waits for the caller, but not enough to pause AMSU.
  while (socket.writableLength === 0) {
    connections[0]?.write(Buffer.alloc(4_096))
    await new Promise(setImmediate)
  }
  const hasLeft = once(socket, 'end')
  caller.end()
  await hasLeft
  await clock.advance(4 * IDLE_TIMEOUT_MS)
  await t.resolves(until(() => proxy.accessLines().length === 1, 5_000))
  t.match(proxy.accessLines(), [{ status: 499 }])
})
