import { test } from 'tap'
import type { Socket } from 'node:net'
import { createConnector, type Connector } from '../../src/upstream/connector.ts'
import { freePort } from '../support/free-port.ts'
import { ask, closed, echo, setUp, within } from './pool-stage.ts'

const connector = createConnector({ connectTimeoutMs: 5_000, certificateAuthority: () => undefined, forwardProxy: undefined })

/** A connector whose attempts wait until a test lets them continue or fail. */
function createGate (): { connect: Connector, attempts: Array<(error?: Error) => void> } {
  const attempts: Array<(error?: Error) => void> = []
  return {
    attempts,
    connect (options, callback) {
      attempts.push(error => { if (error === undefined) connector(options, callback); else callback(error, null) })
    },
  }
}

test('the events of a request are reported in their order', async t => {
  const stage = await setUp(t, {}, echo)
  for (const [connection, body] of [['fresh', undefined], ['reused', undefined]] as const) {
    const call = stage.send('/a', {}, { body })
    t.equal(await call.outcome, '200 /a 0')
    t.strictSame(call.events, [connection, 'sent', 'started', 'head', 'body', 'end'])
    t.ok(call.pending?.isDone)
  }
})

test('the connection used last is used next', async t => {
  const stage = await setUp(t)
  const calls = ['/0', '/1', '/2'].map(target => stage.send(target))
  await stage.nth(2)
  for (const target of ['/1', '/2', '/0']) {
    stage.received.find(received => received.target === target)?.respond()
    await calls[Number(target[1])]?.outcome
  }
  const last = stage.received.find(({ target }) => target === '/0')?.connection
  for (let i = 3; i < 9; i++) {
    const call = stage.send(`/${i}`)
    const received = await stage.nth(i)
    t.equal(received.connection, last)
    received.respond()
    await call.outcome
  }
  t.equal(stage.made.length, 3)
})

test('there are never more connections than allowed, and requests wait for one in their order', async t => {
  for (const maxConnections of [1, 3]) {
    const stage = await setUp(t, { maxConnections })
    const targets = Array.from({ length: 20 }, (_, i) => `/${i}`)
    const calls = targets.map(target => stage.send(target))
    for (let i = 0; i < targets.length; i++) (await stage.nth(i)).respond('ok', i % 5 === 4 ? 'Connection: close\r\n' : '')
    t.strictSame(await Promise.all(calls.map(({ outcome }) => outcome)), targets.map(() => '200 ok'))
    t.ok(stage.open() <= maxConnections)
    t.equal(stage.received.length, targets.length, 'each was sent once')
    // The kernel decides which connection is made first.
    if (maxConnections === 1) t.strictSame(stage.received.map(({ target }) => target), targets)
  }
})

test('a waiting request that is aborted is not sent, and those behind it are', async t => {
  const stage = await setUp(t, { maxConnections: 1 })
  const calls = ['/0', '/1', '/2', '/3'].map(target => stage.send(target))
  await stage.nth(0)
  for (const i of [1, 3]) calls[i]?.pending?.abort()
  for (const i of [0, 1]) (await stage.nth(i)).respond()
  t.equal(await calls[2]?.outcome, '200 /2 0')
  t.equal(await calls[0]?.outcome, '200 /0 0')
  calls[1]?.pending?.abort()
  t.strictSame(stage.received.map(({ target }) => target), ['/0', '/2'])
  t.strictSame([calls[1]?.events, calls[3]?.events], [[], []])
})

test('a request that is aborted in flight closes its connection, and the next request gets a new one', async t => {
  for (const responded of ['', 'HTTP/1.1 200', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf']) {
    const stage = await setUp(t, { maxConnections: 1 })
    const left = stage.send('/left')
    const next = stage.send('/next')
    const { socket } = await stage.nth(0)
    socket.write(responded)
    if (responded.includes('half')) while (!left.events.includes('body')) await new Promise(setImmediate)
    left.pending?.abort()
    left.pending?.abort()
    t.ok(left.pending?.isDone)
    await closed(socket)
    const received = await stage.nth(1)
    received.respond()
    t.equal(await next.outcome, '200 /next 1')
    t.notOk(left.events.includes('failure'))
  }
})

test('a request that says no to its connection gives it to the next one, and hears nothing more', async t => {
  for (const [noKeepAlive, outcomes] of [[false, ['200 /next 0', '200 /last 0']], [true, ['200 /next 1', '200 /last 2']]] as const) {
    const stage = await setUp(t, { maxConnections: 1, noKeepAlive }, echo)
    const declined = stage.send('/no', { connected: () => false })
    const calls = [stage.send('/next'), stage.send('/last')]
    t.strictSame(await within(Promise.all(calls.map(({ outcome }) => outcome))), outcomes, noKeepAlive ? 'each has a connection of its own' : 'on one connection')
    t.strictSame(declined.events, ['fresh'])
    t.ok(declined.pending?.isDone)
    t.notOk(stage.received.some(({ target }) => target === '/no'))
  }
})

test('a request that is aborted when its connection is ready is not sent', async t => {
  const stage = await setUp(t, { maxConnections: 1 }, echo)
  for (const connection of ['fresh', 'reused']) {
    const call = stage.send('/x', { connected () { call.pending?.abort(); return true } })
    t.equal(await ask(stage, '/next'), connection === 'fresh' ? '200 /next 1' : '200 /next 2')
    t.strictSame(call.events, [connection])
  }
  t.notOk(stage.received.some(({ target }) => target === '/x'))
})

test('requests that find used connections at the same time begin in their order', async t => {
  const stage = await setUp(t)
  const count = 6
  const first = Array.from({ length: count }, () => stage.send('/first'))
  for (let i = 0; i < count; i++) (await stage.nth(i)).respond()
  await Promise.all(first.map(({ outcome }) => outcome))
  const begun: number[] = []
  const calls = first.map((_, i) => stage.send('/second', { connected: () => begun.push(i) > 0 }))
  for (let i = count; i < 2 * count; i++) (await stage.nth(i)).respond()
  await Promise.all(calls.map(({ outcome }) => outcome))
  t.strictSame(begun, first.map((_, i) => i))
  t.equal(stage.made.length, count, 'all were used ones')
})

test('where each request has a connection of its own, none is used twice', async t => {
  const stage = await setUp(t, { noKeepAlive: true, maxConnections: 2 }, echo)
  const calls = ['/0', '/1', '/2', '/3', '/4'].map(target => stage.send(target))
  await Promise.all(calls.map(({ outcome }) => outcome))
  t.strictSame(calls.map(({ events }) => events[0]), calls.map(() => 'fresh'))
  t.equal(new Set(stage.received.map(({ connection }) => connection)).size, 5)
})

const REFUSAL = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })

test('while a connection is open, a failed connection attempt fails one request, and the others are served', async t => {
  const { attempts, connect } = createGate()
  const stage = await setUp(t, { maxConnections: 3, connect }, received => { if (received.target !== '/busy') received.respond() })
  const busy = stage.send('/busy')
  attempts[0]?.()
  const { respond } = await stage.nth(0)
  const calls = ['/0', '/1', '/2', '/3'].map(target => stage.send(target))
  t.equal(attempts.length, 3)
  attempts[1]?.(REFUSAL)
  t.equal(await calls[0]?.outcome, 'ECONNREFUSED')
  t.equal(calls[0]?.cause, REFUSAL)
  t.strictSame(calls[0]?.events, ['failure'])
  t.equal(attempts.length, 4, 'the next one has an attempt of its own')
  attempts[2]?.(REFUSAL)
  t.equal(await calls[1]?.outcome, 'ECONNREFUSED')
  for (const attempt of attempts.slice(3)) attempt()
  t.match(await calls[2]?.outcome, '200 /2')
  t.match(await calls[3]?.outcome, '200 /3')
  respond()
  t.match(await busy.outcome, '200 /busy')
})

test('without any connection, a failed connection attempt fails all requests that have waited as long, not one after the other', async t => {
  const { attempts, connect } = createGate()
  const stage = await setUp(t, { maxConnections: 1, connect }, echo)
  const early = ['/0', '/1', '/2'].map(target => stage.send(target))
  await stage.clock.advance(1)
  const late = stage.send('/3')
  attempts[0]?.(REFUSAL)
  t.strictSame(await within(Promise.all(early.map(({ outcome }) => outcome))), early.map(() => 'ECONNREFUSED'))
  t.equal(attempts.length, 2, 'who came later has an attempt of its own')
  attempts[1]?.()
  t.match(await late.outcome, '200 /3')
})

test('a closed port fails each request once', async t => {
  const stage = await setUp(t, { maxConnections: 2, origin: new URL(`http://127.0.0.1:${await freePort()}`) })
  const calls = ['/0', '/1', '/2', '/3', '/4'].map(target => stage.send(target))
  for (const call of calls) {
    t.equal(await call.outcome, 'ECONNREFUSED')
    t.strictSame(call.events, ['failure'])
  }
})

test('a connection opened for an aborted request serves the next one', async t => {
  const { attempts, connect } = createGate()
  const stage = await setUp(t, { maxConnections: 1, connect }, echo)
  const left = stage.send('/left')
  left.pending?.abort()
  const next = stage.send('/next')
  t.equal(attempts.length, 1)
  attempts[0]?.()
  t.equal(await next.outcome, '200 /next 0')
  t.strictSame(left.events, [])
  const again = stage.send('/again')
  t.equal(await again.outcome, '200 /again 0')
})

test('a connection that no request waits for any more becomes idle, or fails silently', async t => {
  const { attempts, connect } = createGate()
  const stage = await setUp(t, { connect }, echo)
  for (const { pending } of [stage.send('/0'), stage.send('/1')]) pending?.abort()
  attempts[0]?.(new Error('nobody hears this'))
  attempts[1]?.()
  while (stage.made.length < 1) await new Promise(setImmediate)
  t.equal(await ask(stage, '/2'), '200 /2 0')
  t.equal(attempts.length, 2)
})

test('a request that cannot be written fails without a byte of it, and the next one is served', async t => {
  const stage = await setUp(t, { maxConnections: 1 }, echo)
  await ask(stage)
  const bad = stage.send('/a\nb')
  const next = stage.send('/next')
  t.equal(await bad.outcome, 'ERR_UNSENDABLE_REQUEST')
  t.match(await next.outcome, '200 /next')
  t.strictSame(stage.received.map(({ target }) => target), ['/x', '/next'])
})

test('the first connection is opened for the first request, and to where the origin says', async t => {
  const targets: unknown[] = []
  for (const [origin, target] of [
    ['http://amsu.test', { protocol: 'http:', hostname: 'amsu.test', host: 'amsu.test', port: '' }],
    ['https://amsu.test:8443', { protocol: 'https:', hostname: 'amsu.test', host: 'amsu.test:8443', port: '8443' }],
    ['https://[2001:db8::7]', { protocol: 'https:', hostname: '2001:db8::7', host: '[2001:db8::7]', port: '' }],
  ] as const) {
    const stage = await setUp(t, { origin: new URL(origin), connect: (options, callback) => { targets.push(options); callback(new Error('enough'), null) } })
    t.equal(targets.length, 0)
    t.equal(await ask(stage), 'enough')
    t.strictSame(targets.splice(0), [target])
  }
})

test('a connection that breaks fails the request it carries with what broke it', async t => {
  for (const [name, fault, code] of [
    ['ends', socket => { socket.end() }, 'ERR_CONNECTION_ENDED'],
    // A FIN precedes the reset, and timing decides which of them is read.
    ['is reset', socket => { socket.resetAndDestroy() }, /^(?:ECONNRESET|ERR_CONNECTION_ENDED)$/],
    ['ends in the head', socket => { socket.end('HTTP/1.1 200 OK\r\nA') }, 'ERR_CONNECTION_ENDED'],
    ['ends in the body', socket => { socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf') }, 'ERR_CONNECTION_ENDED'],
    ['speaks no HTTP', socket => { socket.write('220 smtp.amsu.test\r\n') }, 'ERR_INVALID_RESPONSE'],
  ] as Array<[string, (socket: Socket) => void, string | RegExp]>) {
    const stage = await setUp(t, {}, ({ socket }) => { fault(socket) })
    const call = stage.send('/x')
    t.match(await call.outcome, code, name)
    t.equal(call.events.at(-1), 'failure')
  }
})
