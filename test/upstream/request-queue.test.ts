import { test } from 'tap'
import { PendingRequest } from '../../src/upstream/pending-request.ts'
import { RequestQueue } from '../../src/upstream/request-queue.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { Call } from './pool-stage.ts'

const LIMIT_MS = 5_000

/** A queue, and what adds a request to it that earlier attempts of have waited `queuedMs` for a connection. */
function setUp () {
  const clock = new FakeClock()
  const queue = new RequestQueue(clock, LIMIT_MS)
  const failed: string[] = []
  function add (target: string, queuedMs = 0): PendingRequest {
    const call = new Call()
    call.outcome.then(() => { failed.push(target) }, () => {})
    const pending = new PendingRequest({ method: 'GET', target, headers: [], body: undefined, queuedMs }, call, () => {})
    pending.queuedAtMs = clock.monotonic() - queuedMs
    queue.push(pending)
    queue.limitWait()
    return pending
  }
  return { add, clock, failed, queue }
}

test('a request that has waited before comes before those that have waited for less time, and behind those that have waited longer', async t => {
  const { add, clock, queue } = setUp()
  add('first')
  await clock.advance(1_000)
  add('second')
  await clock.advance(1_000)
  add('third')
  add('again', 1_500)
  add('last')
  t.strictSame(Array.from({ length: 5 }, () => queue.shift()?.request.target), ['first', 'again', 'second', 'third', 'last'])
})

test('a request that has waited before fails when all its waits together reach the limit, and nobody fails earlier for it', async t => {
  const { add, clock, failed } = setUp()
  add('new')
  await clock.advance(1_000)
  add('again', 4_000)
  await clock.advance(999)
  t.strictSame(failed, [])
  await clock.advance(1)
  t.strictSame(failed, ['again'])
  await clock.advance(2_999)
  t.strictSame(failed, ['again'])
  await clock.advance(1)
  t.strictSame(failed, ['again', 'new'])
  t.equal(clock.pending, 0)
})

test('connection attempts made before a request came back were not made for it', async t => {
  const { add, clock, failed, queue } = setUp()
  add('waiting')
  const startedAtMs = clock.monotonic()
  await clock.advance(100)
  add('again', 2_000)
  queue.failSince(startedAtMs, new Error('refused'), Infinity)
  await clock.advance(0)
  t.strictSame(failed, ['waiting'])
})
