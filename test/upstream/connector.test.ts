/**
 * Connections that fail: tested with a relay without the rest of the proxy, because there a token call over the same line would fail
 * first.
 */
import { test, type Test } from 'tap'
import { once } from 'node:events'
import net, { type LookupFunction } from 'node:net'
import { Worker } from 'node:worker_threads'
import { RELAYED_METHODS } from '../../src/errors.ts'
import { call, errorCode } from '../support/client.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { freePort } from '../support/free-port.ts'
import { startRelay } from '../support/relay.ts'
import { startUpstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'

/** A resolver that returns `addresses` for every name, and counts the lookups. */
function createResolver (...addresses: string[]): { lookup: LookupFunction, count: () => number } {
  let count = 0
  const list = addresses.map(address => ({ address, family: 4 }))
  return { lookup (_name, _options, callback) { count++; process.nextTick(callback, null, list) }, count: () => count }
}

/**
 * A server on whose port the kernel accepts no more: its thread sleeps, and its backlog is full. Resolves to its
 * origin, and to how to wake it.
 */
async function startDeaf (t: Test): Promise<{ origin: string, wake: () => void }> {
  const bell = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(`
    const { parentPort, workerData } = require('node:worker_threads')
    const server = require('node:http').createServer((req, res) => { res.end('awake') })
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port)
      Atomics.wait(workerData, 0, 0)
    })
  `, { eval: true, workerData: bell })
  const [port] = await once(worker, 'message') as [number]
  const wake = (): void => {
    Atomics.store(bell, 0, 1)
    Atomics.notify(bell, 0)
  }
  const callers: net.Socket[] = []
  t.teardown(async () => {
    for (const socket of callers) socket.destroy()
    wake()
    await worker.terminate()
  })
  // One after the other until one stays pending.
  for (let isFull = false; !isFull;) {
    const socket = net.connect(port, '127.0.0.1').on('error', () => {})
    callers.push(socket)
    isFull = await Promise.race([once(socket, 'connect').then(() => false), new Promise<true>(resolve => { setTimeout(resolve, 250, true) })])
  }
  return { origin: `http://127.0.0.1:${port}`, wake }
}

test('a name that does not resolve is 502, and nothing was sent', async t => {
  const { origin, outcomes } = await startRelay(t, { origin: 'http://amsu.invalid', connectTimeoutMs: 10_000 })
  const got = await call(origin, PATH, { method: 'POST', body: 'x' })
  t.equal(got.status, 502)
  t.equal(errorCode(got.text), 'PROXY.UPSTREAM_UNREACHABLE')
  t.match(outcomes[0], { errorCode: 'UPSTREAM_UNREACHABLE', cause: { code: /^(?:ENOTFOUND|EAI_AGAIN|ERR_CONNECT_TIMEOUT)$/ } })
})

test('a connection that is not there in time is 502, and nothing was sent: the resolver or AMSU is silent', async t => {
  const deaf = await startDeaf(t)
  for (const upstream of [{ origin: 'http://amsu.test', lookup: () => {} }, { origin: deaf.origin }]) {
    const { origin, outcomes } = await startRelay(t, upstream)
    const got = await call(origin, PATH, { method: 'POST', body: 'x' })
    t.equal(got.status, 502)
    t.equal(errorCode(got.text), 'PROXY.UPSTREAM_UNREACHABLE')
    t.match(outcomes[0], { cause: { code: 'ERR_CONNECT_TIMEOUT' } })
    t.ok(Number(outcomes[0]?.durationMs) < 5_000)
  }
  deaf.wake()
  const { origin } = await startRelay(t, { origin: deaf.origin, connectTimeoutMs: 10_000 })
  t.equal((await call(origin, PATH)).text, 'awake', 'later it is served')
})

test('a connection is tried once for each address of the name, for every method, before it fails', async t => {
  const resolver = createResolver('127.0.0.1', '127.0.0.2')
  const { origin, outcomes } = await startRelay(t, { origin: `http://amsu.test:${await freePort()}`, lookup: resolver.lookup })
  for (const [i, method] of RELAYED_METHODS.entries()) {
    t.equal((await call(origin, PATH, { method })).status, 502, method)
    t.equal(resolver.count(), i + 1, method)
    t.equal((outcomes[i]?.cause as AggregateError).errors.length, 2, method)
  }
})

test('when the first address of the name refuses, the next one serves', async t => {
  const upstream = await startUpstream() // on 127.0.0.1 only
  t.teardown(upstream.close)
  const resolver = createResolver('127.0.0.2', '127.0.0.1')
  const { origin } = await startRelay(t, { origin: upstream.origin.replace('127.0.0.1', 'amsu.test'), lookup: resolver.lookup })
  t.equal((await call(origin, PATH, { method: 'POST', body: 'x' })).status, 200)
  t.equal(upstream.received.length, 1)
})

test('a connection older than five minutes serves one more request, and the next one looks the name up again', async t => {
  const upstream = await startUpstream()
  t.teardown(async () => { await upstream.close() })
  const resolver = createResolver('127.0.0.1')
  const clock = new FakeClock()
  const { origin } = await startRelay(t, { origin: upstream.origin.replace('127.0.0.1', 'amsu.test'), lookup: resolver.lookup, clock })
  const connections: Array<string | undefined> = []
  const ask = async (): Promise<void> => {
    t.equal((await call(origin, PATH)).status, 200)
    connections.push(upstream.received.at(-1)?.headers['connection'])
  }
  await ask()
  // Idle connections expire before that.
  for (let i = 0; i < 99; i++) {
    await clock.advance(3_000)
    await ask()
  }
  await clock.advance(2_000)
  await ask()
  t.equal(resolver.count(), 1)
  await clock.advance(2_000)
  await ask()
  await ask()
  t.equal(resolver.count(), 2)
  t.strictSame(connections.slice(-4), ['keep-alive', 'keep-alive', 'close', 'keep-alive'])
})
