/**
 * What happens to a request while its caller is being identified.
 */
import { test, type Test } from 'tap'
import pino from 'pino'
import { ProxyError, type ErrorCode } from '../../src/errors.ts'
import { createBrowserGuard } from '../../src/guards/browser-guard.ts'
import { guardPlugin } from '../../src/guards/plugin.ts'
import { relayPlugin } from '../../src/relay/plugin.ts'
import { HeaderBudget } from '../../src/server/header-budget.ts'
import { ownerOf } from '../../src/server/listener.ts'
import { createServer } from '../../src/server/server.ts'
import { errorCode } from '../support/client.ts'
import { connectBoth, statuses } from '../support/raw-client.ts'
import { createRelay } from '../support/relay.ts'
import { until } from '../support/until.ts'
import { startUpstream } from '../support/upstream.ts'

const PATH = '/amsu-analysis/v2/things/'

/** A proxy whose only caller is identified when the test says so, and a client that waits for that. */
async function setUp (t: Test, request = `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi`) {
  const upstream = await startUpstream()
  const { outcomes, relay } = createRelay(t, { origin: upstream.origin })
  const rejections: ErrorCode[] = []
  const identity = withResolvers()
  let isAsked = false
  const { app, listener } = createServer({ log: pino({ level: 'silent' }), headerBudget: new HeaderBudget(1_000), headTimeoutMs: undefined, unreadTimeoutMs: 10_000, onRejection (code) { rejections.push(code) }, onEvicted () {} }, 100)
  await app.register(guardPlugin, { guard: createBrowserGuard({ allowedHosts: [], allowedOrigins: [] }) })
  await app.register(relayPlugin, { relay, connectionOf: ownerOf, allowedRoutes: undefined, origin: upstream.origin, authenticate () { isAsked = true; return identity.promise } })
  await app.ready()
  const origin = await listener.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(async () => { listener.destroyAll(); await listener.close(); await app.close(); await upstream.close() })
  const { accepted, client } = await connectBoth(t, { origin, servers: [{ app, listener }] })
  client.socket.write(request)
  await until(() => isAsked)
  return { accepted, client, identity, listener, outcomes, rejections, relay, upstream }
}

test('a request takes no place in flight before its caller is known', async t => {
  const { client, identity, outcomes, relay } = await setUp(t)
  t.equal(relay.inFlight, 0)
  identity.resolve('clinic')
  t.strictSame(statuses(await client.readAll()), ['200'])
  t.match(outcomes, [{ caller: 'clinic', status: 200 }])
})

for (const leave of ['destroy', 'resetAndDestroy'] as const) {
  test(`a client that leaves while its caller is identified is logged as 499, and AMSU gets nothing: ${leave}`, async t => {
    const { accepted, client, identity, outcomes, relay, upstream } = await setUp(t)
    client.socket[leave]()
    await until(() => accepted.closed)
    identity.resolve('clinic')
    await until(() => outcomes.length === 1)
    t.match(outcomes, [{ caller: 'clinic', status: 499, bytesIn: 0 }])
    t.equal(relay.inFlight, 0)
    t.equal(upstream.received.length, 0)
  })

  test(`a stranger that leaves before it is known as one is a rejection all the same: ${leave}`, async t => {
    const { accepted, client, identity, outcomes, rejections } = await setUp(t)
    client.socket[leave]()
    await until(() => accepted.closed)
    identity.reject(new ProxyError('CALLER_UNAUTHENTICATED'))
    await until(() => rejections.length === 1)
    t.strictSame(rejections, ['CALLER_UNAUTHENTICATED'])
    t.strictSame(outcomes, [])
  })
}

test('a request that arrived before the shutdown is relayed, though its caller is known only after it began', async t => {
  const { client, identity, relay } = await setUp(t)
  relay.drain()
  identity.resolve('clinic')
  const text = await client.readAll()
  t.match(text, /^HTTP\/1\.1 200 [^]*\r\nconnection: close\r\n/i)
})

for (const settle of ['resolve', 'reject'] as const) {
  test(`a request whose caller is not known when the grace period is over is rejected once: then its identity comes to ${settle}`, async t => {
    const { client, identity, listener, outcomes, rejections, relay, upstream } = await setUp(t)
    relay.drain()
    relay.stop()
    listener.stopLocal()
    if (settle === 'resolve') identity.resolve('clinic')
    else identity.reject(new ProxyError('CALLER_UNAUTHENTICATED'))
    const text = await client.readAll()
    t.strictSame(statuses(text), ['503'])
    t.equal(errorCode(text), 'PROXY.DRAINING')
    t.strictSame(rejections, ['DRAINING'])
    t.strictSame(outcomes, [])
    t.equal(upstream.received.length, 0)
  })
}

test('bytes that are no request, behind one whose caller is being identified, end the connection after its response', async t => {
  const { client, identity } = await setUp(t, `POST ${PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhiNO REQUEST\r\n\r\n`)
  identity.resolve('clinic')
  t.strictSame(statuses(await client.readAll()), ['200', '400'])
})

/** `Promise.withResolvers`, which Node 20 does not have. */
function withResolvers (): { promise: Promise<string>, resolve: (name: string) => void, reject: (error: Error) => void } {
  let resolve = (_name: string): void => {}
  let reject = (_error: Error): void => {}
  const promise = new Promise<string>((_resolve, _reject) => { resolve = _resolve; reject = _reject })
  return { promise, resolve, reject }
}
