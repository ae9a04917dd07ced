import { test } from 'tap'
import type { Socket } from 'node:net'
import { ask, closed, echo, setUp, within, type Call } from './pool-stage.ts'

/** The server's header about idle connections, how long one may be reused, and when it is closed. */
const LIVES = [
  ['', 4_000],
  ['Keep-Alive: timeout=5\r\n', 3_000],
  ['Keep-Alive: timeout=3, max=9\r\n', 1_000],
  ['Keep-Alive: timeout=72\r\n', 70_000],
  ['Keep-Alive: timeout=99999\r\n', 600_000],
  ['Keep-Alive: max=5\r\n', 4_000],
] as const

test('an idle connection is used again for 4 s, or 2 s less than AMSU keeps it, and at most ten minutes', async t => {
  for (const [headers, lifeMs] of LIVES) {
    const stage = await setUp(t, {}, received => { received.respond('ok', headers) })
    t.equal(await ask(stage), '200 ok')
    stage.clock.block(lifeMs - 1)
    t.equal(await ask(stage), '200 ok')
    t.equal(stage.made.length, 1, `${headers} is used until then`)
    stage.clock.block(lifeMs)
    t.equal(await ask(stage), '200 ok')
    t.equal(stage.made.length, 2, `${headers} is not used any more`)
  }
})

test('an idle connection is closed by itself, not later than 4 s after it was used for the last time', async t => {
  for (const [headers, lifeMs] of LIVES) {
    const stage = await setUp(t, {}, received => { received.respond('ok', headers) })
    await ask(stage)
    await stage.clock.advance(lifeMs - 1)
    t.equal(stage.open(), 1, headers)
    await stage.clock.advance(4_001)
    await closed(stage.made[0] as Socket)
    t.equal(stage.clock.pending, 0, 'and nobody looks for idle connections where there are none')
  }
})

test('a connection that AMSU keeps for two seconds or less is not used again', async t => {
  for (const seconds of [0, 1, 2]) {
    const stage = await setUp(t, {}, received => { received.respond('ok', `Keep-Alive: timeout=${seconds}\r\n`) })
    for (let i = 1; i < 4; i++) {
      t.equal(await ask(stage), '200 ok')
      t.equal(stage.made.length, i)
    }
    t.ok(stage.open() <= 2)
  }
})

test('an idle connection keeps its deadline when a request withdraws or is aborted', async t => {
  for (const [name, on] of [['withdraws', { connected: () => false }], ['is aborted', {}]] as const) {
    const stage = await setUp(t, {}, echo)
    await ask(stage)
    stage.clock.block(3_000)
    const idler = stage.send('/idler', on)
    if (name === 'is aborted') idler.pending?.abort()
    await new Promise(setImmediate)
    stage.clock.block(3_000)
    await ask(stage)
    t.equal(stage.made.length, 2, name)
  }
})

test('a connection that has ended, or that received unsolicited bytes, is not used: the next request is sent once, over another (CVE-2026-6733)', async t => {
  for (const [name, fault] of [
    ['ended', (socket, onDone) => socket.end(onDone)],
    ['reset', (socket, onDone) => socket.once('close', onDone).resetAndDestroy()],
    ['a response', (socket, onDone) => { socket.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nunwanted'); onDone() }],
    ['a byte', (socket, onDone) => { socket.write('H'); onDone() }],
    ['a line break', (socket, onDone) => { socket.write('\r\n'); onDone() }],
  ] as Array<[string, (socket: Socket, onDone: () => void) => void]>) {
    const stage = await setUp(t, {}, echo)
    await ask(stage)
    const call = await new Promise<Call>(resolve => {
      // Then it is in our socket, and the event loop may be in the middle of reading others.
      fault(stage.made[0] as Socket, () => { resolve(stage.send('/next', {}, { method: 'POST' })) })
    })
    t.equal(await call.outcome, '200 /next 1', name)
    t.strictSame(call.events, ['fresh', 'sent', 'started', 'head', 'body', 'end'])
    t.strictSame(stage.received.map(({ target }) => target), ['/x', '/next'], 'sent once')
  }
})

/** What AMSU does to an idle connection, which has reached our kernel when it returns. */
const IDLE_FAULTS: Array<[string, (socket: Socket) => void]> = [
  ['ended', socket => { socket.destroy() }],
  ['reset', socket => { socket.resetAndDestroy() }],
  ['a response', socket => { socket.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nunwanted') }],
]

test('a connection that AMSU ends, resets or writes to while a request waits for its poll is not used', async t => {
  for (const [name, fault] of IDLE_FAULTS) {
    for (const immediates of [0, 1]) {
      const stage = await setUp(t, {}, echo)
      await ask(stage)
      const call = stage.send('/next', {}, { method: 'POST' })
      for (let i = 0; i < immediates; i++) await new Promise(setImmediate)
      fault(stage.made[0] as Socket)
      t.equal(await call.outcome, '200 /next 1', `${name} after ${immediates} immediates`)
      t.strictSame(call.events, ['fresh', 'sent', 'started', 'head', 'body', 'end'])
      t.strictSame(stage.received.map(({ target }) => target), ['/x', '/next'], 'sent once')
    }
  }
})

test('a request that joins a batch that has begun to start waits for a poll of its own', async t => {
  for (const [name, fault] of IDLE_FAULTS) {
    const stage = await setUp(t, {}, ({ respond, target }) => { if (target === '/late') respond() })
    for (const [i, { outcome }] of [stage.send('/0'), stage.send('/1')].entries()) {
      (await stage.nth(i)).respond()
      await outcome
    }
    // The first request takes the connection that was used last, the second one the other.
    const late = new Promise<Call>(resolve => {
      setImmediate(() => {
        // This runs directly before the batch of the first request is sent.
        setImmediate(() => {
          resolve(stage.send('/late', {}, { method: 'POST' }))
          fault(stage.received[0]?.socket as Socket)
        })
      })
    })
    stage.send('/first')
    const joined = await late
    t.equal(await within(joined.outcome), '200 /late 2', name)
    t.equal(joined.events[0], 'fresh')
    t.equal(stage.received.filter(({ target }) => target === '/late').length, 1, 'sent once')
  }
})

test('requests keep their order when the connection meant for the first of them has ended', async t => {
  const stage = await setUp(t, { maxConnections: 1 }, echo)
  await ask(stage)
  stage.made[0]?.destroy()
  const calls = ['/0', '/1', '/2'].map(target => stage.send(target))
  await Promise.all(calls.map(({ outcome }) => outcome))
  t.strictSame(stage.received.slice(1).map(({ target }) => target), ['/0', '/1', '/2'])
})
