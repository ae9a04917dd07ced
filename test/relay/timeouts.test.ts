import { test } from 'tap'
import { createTimeoutSweeper, type TimeoutTarget } from '../../src/relay/timeouts.ts'
import { FakeClock } from '../support/fake-clock.ts'

test('every request in flight is checked once a tick, and nothing ticks when there is none', async t => {
  const clock = new FakeClock()
  const seen: number[] = []
  const watched = { checkTimeout: (nowMs: number) => { seen.push(nowMs) } }
  const underWay = new Set<TimeoutTarget>()
  const deadlines = createTimeoutSweeper(clock, 400, underWay)
  t.equal(clock.pending, 0)
  underWay.add(watched)
  deadlines.start()
  deadlines.start()
  t.equal(deadlines.nowMs, 0)
  await clock.advance(300)
  t.same(seen, [100, 200, 300])
  t.equal(deadlines.nowMs, 300)
  underWay.delete(watched)
  await clock.advance(100)
  t.equal(seen.length, 3)
  t.equal(clock.pending, 0)
  underWay.add(watched)
  deadlines.start()
  await clock.advance(100)
  t.equal(seen.length, 4)
})

test('a tick is a quarter of the shortest timeout, from 10 to 500 ms', async t => {
  for (const [timeoutMs, tickMs] of [[1, 10], [40, 10], [1_000, 250], [300_000, 500]] as const) {
    const clock = new FakeClock()
    createTimeoutSweeper(clock, timeoutMs, []).start()
    t.same(clock.delays, [tickMs], `${timeoutMs} ms`)
  }
})

test('a tick that is more than a second late is reported', async t => {
  const clock = new FakeClock()
  const late: number[] = []
  const deadlines = createTimeoutSweeper(clock, 400, [{ checkTimeout () {} }], lateMs => { late.push(lateMs) })
  deadlines.start()
  await clock.advance(1_000)
  t.same(late, [])
  clock.block(1_500)
  await clock.advance(100)
  t.same(late, [1_500])
})

test('time in which the process was stopped does not count as idle time: a late tick counts as one', async t => {
  const clock = new FakeClock()
  const seen: number[] = []
  const deadlines = createTimeoutSweeper(clock, 400, [{ checkTimeout: nowMs => { seen.push(nowMs) } }])
  deadlines.start()
  await clock.advance(100)
  clock.block(60_000)
  await clock.advance(200)
  t.same(seen, [100, 200, 300])
})
