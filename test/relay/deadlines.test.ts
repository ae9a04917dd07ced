import { test } from 'tap'
import { createDeadlines } from '../../src/relay/deadlines.ts'
import { FakeClock } from '../support/fake-clock.ts'

test('everything added is looked at once a tick, and nothing ticks when there is nothing', async t => {
  const clock = new FakeClock()
  const deadlines = createDeadlines(clock, 400)
  t.equal(clock.pending, 0)
  const seen: number[] = []
  const watched = { checkDeadline: (nowMs: number) => { seen.push(nowMs) } }
  deadlines.add(watched)
  t.equal(deadlines.nowMs, 0)
  await clock.advance(300)
  t.same(seen, [100, 200, 300])
  t.equal(deadlines.nowMs, 300)
  deadlines.remove(watched)
  await clock.advance(100)
  t.equal(seen.length, 3)
  t.equal(clock.pending, 0)
  deadlines.add(watched)
  await clock.advance(100)
  t.equal(seen.length, 4)
})

test('a tick is a quarter of the shortest time-out, from 10 to 500 ms', async t => {
  for (const [timeoutMs, tickMs] of [[1, 10], [40, 10], [1_000, 250], [300_000, 500]] as const) {
    const clock = new FakeClock()
    createDeadlines(clock, timeoutMs).add({ checkDeadline () {} })
    t.same(clock.delays, [tickMs], `${timeoutMs} ms`)
  }
})

test('a tick that comes more than a second late is told', async t => {
  const clock = new FakeClock()
  const late: number[] = []
  const deadlines = createDeadlines(clock, 400, lateMs => { late.push(lateMs) })
  deadlines.add({ checkDeadline () {} })
  await clock.advance(1_000)
  t.same(late, [])
  clock.block(1_500)
  await clock.advance(100)
  t.same(late, [1_500])
})

test('time in which the process stood still is nobody’s silence: a late tick counts as one', async t => {
  const clock = new FakeClock()
  const deadlines = createDeadlines(clock, 400)
  const seen: number[] = []
  deadlines.add({ checkDeadline: nowMs => { seen.push(nowMs) } })
  await clock.advance(100)
  clock.block(60_000)
  await clock.advance(200)
  t.same(seen, [100, 200, 300])
})
