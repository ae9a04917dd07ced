import { test } from 'tap'
import type { BodySink, BodySource } from '../../src/upstream/pending-request.ts'
import { ask, closed, echo, setUp, within } from './pool-stage.ts'

const OK = 'HTTP/1.1 200 OK\r\n'

/** A body that is fed by hand, and records the calls. */
class Hand implements BodySource {
  readonly told: string[] = []
  sink: BodySink | undefined

  start (sink: BodySink): void {
    this.told.push('start')
    this.sink = sink
  }

  resume (): void { this.told.push('resume') }
  destroy (): void { this.told.push('destroy') }
}

test('a response before the request is sent completely ends the connection, and the body is released', async t => {
  const stage = await setUp(t, { maxConnections: 1 }, echo)
  const body = new Hand()
  const call = stage.send('/early', {}, { method: 'POST', headers: ['content-length', '10'], body })
  const next = stage.send('/next')
  while (body.sink === undefined) await new Promise(setImmediate)
  body.sink.write(Buffer.from('half'), true)
  t.equal(await call.outcome, '200 /early 0')
  t.strictSame(body.told, ['start', 'destroy'])
  t.notOk(call.events.includes('sent'))
  t.equal(await next.outcome, '200 /next 1')
  await closed((await stage.nth(0)).socket)
})

test('a response before the request is written completely ends the connection: the remainder would precede the next request', async t => {
  const stage = await setUp(t, { maxConnections: 1 }, received => {
    // It responds and reads no further, as servers do that reject a body.
    if (received.target === '/large') received.socket.pause()
    received.respond()
  })
  const body = Buffer.alloc(30_000_000)
  const call = stage.send('/large', {}, { method: 'POST', headers: ['content-length', String(body.length)], body })
  t.equal(await call.outcome, '200 /large 0')
  t.equal(await within(ask(stage, '/next')), '200 /next 1')
})

test('a connection is not reused after Connection: close, HTTP/1.0, a body without a length, or bytes after the response', async t => {
  for (const [response, outcome] of [
    [`${OK}Connection: close\r\nContent-Length: 2\r\n\r\nok`, '200 ok'],
    ['HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', '200 ok'],
    [`${OK}Content-Length: 2\r\n\r\nokay`, '200 ok'],
    [`${OK}Content-Length: 2\r\n\r\nok${OK}Content-Length: 2\r\n\r\nno`, '200 ok'],
    [`${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n\r\n`, '200 ok'],
    ['HTTP/1.1 204 None\r\nContent-Length: 2\r\n\r\nno', '204 '],
    ['HTTP/1.1 304 Same\r\nContent-Length: 2\r\n\r\nno', '304 '],
    [`${OK}\r\nok`, '200 ok'],
  ] as const) {
    const stage = await setUp(t, { maxConnections: 1 }, ({ socket, target, respond: write }) => {
      if (target === '/next') write()
      else socket.write(response, () => { if (response === `${OK}\r\nok`) socket.end() })
    })
    const call = stage.send('/x')
    const next = stage.send('/next')
    t.equal(await call.outcome, outcome, response)
    t.equal(call.events.at(-1), 'end')
    t.equal(await next.outcome, '200 /next 1')
  }
})

test('a body without a length that a reset cuts is never complete, however much of it was read before', async t => {
  for (const bytes of [0, 5_000, 65_536, 300_000]) {
    for (const isSlow of [false, true]) {
      for (const sent of [0, 30_000_000]) {
        const stage = await setUp(t, {}, ({ socket }) => {
          if (sent > 0) socket.pause()
          socket.write(`${OK}\r\n${'x'.repeat(bytes)}`, () => socket.resetAndDestroy())
        })
        const call = stage.send('/x', { body () { setImmediate(() => { call.pending?.resume() }); return !isSlow } }, { method: 'POST', body: Buffer.alloc(sent) })
        t.match((await within(call.outcome)).slice(0, 20), /^(?:ECONNRESET|EPIPE)$/, `${bytes} bytes, a ${isSlow ? 'slow' : 'fast'} handler, ${sent} bytes to send`)
      }
    }
  }
})

test('a body without a length that ended before a reset is complete', async t => {
  const stage = await setUp(t, {}, ({ socket }) => {
    // The kernel sends a reset behind the end, because bytes of the request are unread.
    socket.pause()
    socket.end(`${OK}\r\nok`, () => socket.destroy())
  })
  const call = stage.send('/x', { body () { stage.made[0]?.once('close', () => { call.pending?.resume() }); return false } }, { method: 'POST', body: Buffer.alloc(200_000) })
  t.equal(await within(call.outcome), '200 ok')
})

test('many tiny chunks reach a handler that takes one at a time, however they are split', async t => {
  const text = Array.from({ length: 200 }, (_, i) => i.toString(36).slice(-1)).join('')
  const response = `${OK}Transfer-Encoding: chunked\r\n\r\n${[...text].map(char => `1;x\r\n${char}\r\n`).join('')}0\r\nA: b\r\n\r\n`
  for (const size of [1, 3, 5, 7, 8, 13, 64, response.length]) {
    const stage = await setUp(t, { maxConnections: 1 }, ({ socket }) => {
      socket.setNoDelay(true)
      let at = 0
      const push = (): void => {
        if (at < response.length) socket.write(response.slice(at, at += size), () => { setImmediate(push) })
      }
      push()
    })
    const call = stage.send('/x', { body () { setImmediate(() => { call.pending?.resume() }); return false } })
    t.equal(await within(call.outcome), `200 ${text}`, `${size} bytes at a time`)
    call.pending?.abort()
  }
})

test('a handler that takes no more gets no more until it resumes', async t => {
  const stage = await setUp(t, {}, ({ socket }) => { socket.write(`${OK}\r\n`); socket.end(Buffer.alloc(5_000_000, 'x')) })
  let bytes = 0
  let isPaused = false
  const call = stage.send('/x', {
    body (piece) {
      if (isPaused) t.fail('was to wait')
      bytes += piece.length
      isPaused = true
      setImmediate(() => { isPaused = false; call.pending?.resume() })
      return false
    },
  })
  await call.outcome
  t.equal(bytes, 5_000_000)
})

test('a connection whose last response ended under backpressure serves the next request, however its head is split', async t => {
  const stage = await setUp(t, { maxConnections: 1 }, ({ respond, socket, target }) => {
    if (target !== '/cut') respond()
    else socket.write('HTTP/1.1 103 Hints\r\n\r\n', () => { setImmediate(respond) })
  })
  t.equal(await ask(stage, '/x', { body: () => false }), '200 /x 0')
  t.equal(await within(ask(stage, '/cut')), '200 /cut 0')
})

test('a request that is aborted while its response is read gets nothing more of it', async t => {
  for (const at of ['head', 'body'] as const) {
    const stage = await setUp(t, {}, ({ socket }) => { socket.write(`${OK}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n`) })
    const abort = (): boolean => { call.pending?.abort(); return true }
    const call = stage.send('/x', at === 'head' ? { head: abort } : { body: abort })
    await closed((await stage.nth(0)).socket)
    t.equal(call.events.at(-1), at)
    t.equal(call.events.filter(event => event === at).length, 1)
  }
})

test('what a handler throws at a head fails its request, and closes the connection', async t => {
  const stage = await setUp(t, { maxConnections: 1 }, echo)
  const call = stage.send('/x', { head () { throw new Error('cannot be forwarded') } })
  const next = stage.send('/next')
  t.equal(await call.outcome, 'cannot be forwarded')
  t.equal(await next.outcome, '200 /next 1')
  t.notOk(call.events.includes('body'))
})

test('what a handler throws at a connection fails its request, of which nothing was sent', async t => {
  const stage = await setUp(t, { maxConnections: 1 }, echo)
  for (const connection of ['fresh', 'reused']) {
    const call = stage.send('/x', { connected () { throw new Error('a defect') } })
    const next = stage.send('/next')
    t.equal(await call.outcome, 'a defect')
    t.match(await next.outcome, /^200 /)
    t.strictSame(call.events, [connection, 'failure'])
  }
  t.strictSame(stage.received.map(({ target }) => target), ['/next', '/next'])
})

test('the body of a request is destroyed when the request fails or is aborted, and resumed when there is room', async t => {
  const stage = await setUp(t, {}, ({ socket, target }) => { if (target === '/fails') socket.resetAndDestroy() })
  for (const target of ['/fails', '/left']) {
    const body = new Hand()
    const call = stage.send(target, {}, { method: 'POST', body })
    while (body.sink === undefined) await new Promise(setImmediate)
    const { sink } = body
    const takesMore = target === '/fails' ? sink.write(Buffer.from('x'), true) : sink.write(Buffer.alloc(300_000), true)
    t.equal(takesMore, target === '/fails')
    if (target === '/fails') t.match(await call.outcome, /^(?:ECONNRESET|ERR_CONNECTION_ENDED)$/)
    else while (!body.told.includes('resume')) await new Promise(setImmediate)
    call.pending?.abort()
    t.equal(body.told.at(-1), 'destroy')
  }
})

test('destroying a pool fails requests in flight, in the queue and later ones, each once, and closes all connections', async t => {
  const stage = await setUp(t, { maxConnections: 2 })
  const idle = stage.send('/idle')
  ;(await stage.nth(0)).respond()
  await idle.outcome
  const calls = ['/0', '/1', '/2', '/3'].map(target => stage.send(target))
  await stage.nth(2)
  await stage.pool.destroy()
  await stage.pool.destroy()
  calls.push(stage.send('/late'))
  for (const call of calls) {
    t.equal(await within(call.outcome), 'ERR_CONNECTION_ENDED')
    t.strictSame(call.events.filter(event => event === 'failure'), ['failure'])
  }
  await Promise.all(stage.made.map(closed))
  t.equal(stage.clock.pending, 0)
})

test('a request about to be sent when the pool is destroyed fails, and so does one whose connection comes later', async t => {
  const stage = await setUp(t, {}, echo)
  await ask(stage)
  const starting = stage.send('/starting')
  const connecting = stage.send('/connecting')
  await stage.pool.destroy()
  t.equal(await within(starting.outcome), 'ERR_CONNECTION_ENDED')
  t.equal(await within(connecting.outcome), 'ERR_CONNECTION_ENDED')
  t.strictSame([starting.events, connecting.events], [['failure'], ['failure']])
  await Promise.all(stage.made.map(closed))
  t.equal(stage.received.length, 1)
})
