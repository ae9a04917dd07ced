import { test } from 'tap'
import { once } from 'node:events'
import { Socket } from 'node:net'
import { ConnectAttempt, type Explain } from '../../src/upstream/connect-attempt.ts'
import { FakeClock } from '../support/fake-clock.ts'

/** An attempt with a timeout of 700 ms, and its outcomes. */
function start (explain: Explain = error => error): { attempt: ConnectAttempt, clock: FakeClock, told: Array<[Error | null, Socket | null]> } {
  const told: Array<[Error | null, Socket | null]> = []
  const clock = new FakeClock()
  const attempt = new ConnectAttempt({ clock, timeoutMs: 700, explain, callback: (...outcome) => { told.push(outcome) } })
  return { attempt, clock, told }
}

test('an attempt that takes too long fails once, and no socket stays open, not even one that connects too late', async t => {
  const { attempt, clock, told } = start()
  const sockets = [new Socket(), new Socket()] as const
  for (const socket of sockets) attempt.watch(socket)
  await clock.advance(699)
  t.strictSame(told, [])
  await clock.advance(1)
  t.match(told, [[{ code: 'ERR_CONNECT_TIMEOUT' }, null]])
  t.ok(attempt.signal.aborted)
  for (const socket of sockets) t.ok(socket.destroyed)

  const [late, unconnected] = [new Socket(), new Socket()]
  attempt.succeed(late)
  attempt.watch(unconnected)
  attempt.fail(new Error('again'))
  t.ok(late.destroyed && unconnected.destroyed)
  t.equal(told.length, 1)
})

test('a connection that was handed over is its owner’s: no timer runs on, and its later error is no failed attempt and ends no process', async t => {
  const { attempt, clock, told } = start()
  const socket = new Socket()
  attempt.watch(socket)
  attempt.succeed(socket)
  t.strictSame(told, [[null, socket]])
  t.equal(clock.pending, 0)
  socket.destroy(new Error('later'))
  await new Promise(resolve => socket.once('close', resolve))
  attempt.fail(new Error('later'))
  t.equal(told.length, 1)
  t.notOk(attempt.signal.aborted)
})

test('the first socket that breaks or closes fails the attempt, with the message of the step that watched it', async t => {
  const plain = start()
  const [tcp, tls] = [new Socket(), new Socket()]
  plain.attempt.watch(tcp)
  plain.attempt.watch(tls)
  tls.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' }))
  await once(tcp, 'close')
  t.match(plain.told, [[{ code: 'ECONNRESET' }, null]])

  const explained = start(cause => new Error('explained', { cause }))
  const closed = new Socket()
  explained.attempt.watch(closed)
  closed.destroy()
  await once(closed, 'close')
  t.match(explained.told, [[{ message: 'explained', cause: { code: 'ERR_CONNECTION_ENDED' } }, null]])
})

test('a step that throws fails the attempt, after its caller has returned', async t => {
  const { attempt, told } = start()
  attempt.step(() => { throw new RangeError('port') })
  t.strictSame(told, [])
  await new Promise(resolve => setImmediate(resolve))
  t.match(told, [[{ name: 'RangeError' }, null]])
})
