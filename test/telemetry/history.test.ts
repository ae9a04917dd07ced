import { test } from 'tap'
import { History } from '../../src/telemetry/history.ts'
import { RingBuffer } from '../../src/telemetry/ring-buffer.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { outcomeOf } from './outcomes.ts'

test('a ring keeps what was added last, newest first', async t => {
  const ring = new RingBuffer<number>(3)
  t.strictSame([ring.newest, ring.last], [[], undefined])
  for (const [added, expected] of [[1, [1]], [2, [2, 1]], [3, [3, 2, 1]], [4, [4, 3, 2]], [5, [5, 4, 3]], [6, [6, 5, 4]], [7, [7, 6, 5]]] as const) {
    ring.add(added)
    t.strictSame(ring.newest, expected)
    t.equal(ring.last, added)
  }
})

test('the last fifty requests are remembered with what an operator needs, and nothing of what they carried', async t => {
  const clock = new FakeClock()
  const history = new History(clock)
  for (let i = 0; i < 60; i++) history.add(outcomeOf({ requestId: `id-${i}` }))
  t.equal(history.requests.length, 50)
  t.strictSame([history.requests[0]?.requestId, history.requests[49]?.requestId], ['id-59', 'id-10'])
  history.add(outcomeOf({ caller: 'app', status: 502, errorCode: 'UPSTREAM_RESET', cause: new Error('holds a socket') }))
  t.strictSame(history.requests[0], {
    endedAt: clock.wall(), requestId: 'id-1', caller: 'app', method: 'POST', path: '/amsu-analysis/v2/hrv/rr-list/', status: 502, errorCode: 'UPSTREAM_RESET', durationMs: 12.345678,
  })
})

test('the last hour is sixty minutes, the oldest first', async t => {
  const clock = new FakeClock()
  const history = new History(clock)
  const none = { requests: 0, errors: 0 }
  t.strictSame(history.lastHour, new Array(60).fill(none))
  history.add(outcomeOf())
  history.add(outcomeOf({ status: 422 }))
  history.add(outcomeOf({ status: 499 }))
  await clock.advance(59_999)
  history.add(outcomeOf({ status: 399 }))
  t.strictSame(history.lastHour, [...new Array(59).fill(none), { requests: 4, errors: 2 }])
  await clock.advance(60_000)
  history.add(outcomeOf({ status: 400 }))
  t.strictSame(history.lastHour, [...new Array(58).fill(none), { requests: 4, errors: 2 }, { requests: 1, errors: 1 }])
})

test('what is older than an hour is forgotten, also when nothing happened since, and after a sleep', async t => {
  const clock = new FakeClock()
  const history = new History(clock)
  history.add(outcomeOf())
  await clock.advance(59 * 60_000)
  t.equal(history.lastHour[0]?.requests, 1)
  await clock.advance(60_000)
  t.equal(history.lastHour.reduce((sum, { requests }) => sum + requests, 0), 0)
  history.add(outcomeOf())
  t.strictSame(history.lastHour.at(-1), { requests: 1, errors: 0 }, 'the place of the old minute begins anew')
  clock.sleep(7 * 86_400_000)
  t.equal(history.lastHour.reduce((sum, { requests }) => sum + requests, 0), 0)
})

test('a clock that is set back shows no minute twice', async t => {
  const clock = new FakeClock()
  const history = new History(clock)
  history.add(outcomeOf())
  clock.jump(-5 * 60_000)
  t.equal(history.lastHour.reduce((sum, { requests }) => sum + requests, 0), 0, 'what is yet to come is not shown')
  history.add(outcomeOf())
  t.strictSame(history.lastHour.at(-1), { requests: 1, errors: 0 })
})
