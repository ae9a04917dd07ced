/**
 * How a response without a length ends over TLS. Node 20 takes a reset that is read together with bytes for an end.
 */
import { test, type Test } from 'tap'
import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import tls from 'node:tls'
import { createConnector } from '../../src/upstream/connector.ts'
import { ConnectionPool } from '../../src/upstream/connection-pool.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { CA, readPair } from '../support/tls.ts'
import { startTcp } from '../support/upstream.ts'
import { Call } from './pool-stage.ts'

/** How the connection ends behind the response: with or without TLS's own end, then the end or a reset of TCP. */
interface Ending { readonly closeNotify: boolean, readonly by: 'end' | 'reset' }

/** Starts an AMSU over TLS that responds with `body`, without a length, and then ends each connection. */
async function startAmsu (t: Test, body: string, { by, closeNotify }: Ending): Promise<URL> {
  let isAsked = false
  const server = tls.createServer(readPair('server'), socket => {
    socket.on('error', () => {}).once('data', () => {
      isAsked = true
      const isWritten = (): void => { under.get(socket.remotePort)?.end() }
      if (closeNotify) socket.end(`HTTP/1.1 200 OK\r\n\r\n${body}`)
      else socket.write(`HTTP/1.1 200 OK\r\n\r\n${body}`, isWritten)
    })
  })
  // The TCP connections below TLS: ending one of them sends no `close_notify`.
  const under = new Map<number | undefined, Socket>()
  server.on('connection', socket => { under.set(socket.remotePort, socket) })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  // In front: it gives the response and its end to the kernel in one turn, so that they are read together.
  const front = await startTcp(client => {
    const behind = net.connect((server.address() as AddressInfo).port, '127.0.0.1')
    behind.on('error', () => {})
    const response: Buffer[] = []
    client.on('data', bytes => { behind.write(bytes) }).on('close', () => { behind.destroy() })
    behind.on('data', bytes => { if (isAsked) response.push(bytes); else client.write(bytes) })
    behind.on('end', () => { client.write(Buffer.concat(response), () => { if (by === 'end') client.end(); else client.resetAndDestroy() }) })
  })
  t.teardown(async () => {
    await front.close()
    for (const socket of under.values()) socket.destroy()
    server.close()
  })
  return new URL(front.origin.replace('http:', 'https:'))
}

/** Makes a request, and resolves to how it ended. */
async function ask (t: Test, origin: URL, isSlow: boolean): Promise<string> {
  const connect = createConnector({ connectTimeoutMs: 5_000, certificateAuthority: () => CA, forwardProxy: undefined })
  const pool = new ConnectionPool({ origin, connect, maxConnections: 1, waitTimeoutMs: 5_000, noKeepAlive: false, clock: new FakeClock() })
  t.teardown(async () => { await pool.destroy() })
  const call = new Call({ body () { setImmediate(() => { call.pending?.resume() }); return !isSlow } })
  call.pending = pool.send({ method: 'GET', target: '/x', headers: ['host', origin.host], body: undefined }, call)
  return await call.outcome
}

test('over TLS too, a body without a length that a reset cuts is never complete, however much of it was read before', async t => {
  for (const bytes of [0, 5_000, 65_536, 300_000]) {
    for (const isSlow of [false, true]) {
      const origin = await startAmsu(t, 'x'.repeat(bytes), { closeNotify: false, by: 'reset' })
      t.match((await ask(t, origin, isSlow)).slice(0, 20), /^(?:ECONNRESET|EPIPE)$/, `${bytes} bytes, a ${isSlow ? 'slow' : 'fast'} handler`)
    }
  }
})

test('over TLS too, a body without a length that ends with its connection is complete', async t => {
  for (const isSlow of [false, true]) {
    const origin = await startAmsu(t, 'ok', { closeNotify: true, by: 'end' })
    t.equal(await ask(t, origin, isSlow), '200 ok')
  }
})
