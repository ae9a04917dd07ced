import { test } from 'tap'
import { EvictionLog } from '../../src/logging/eviction-log.ts'
import { FakeClock } from '../support/fake-clock.ts'

const TEXT = 'client connections are closed because the connection limit is reached: give the process more open files or memory'

test('connections closed at the limit are a line at once, then one a minute with the number closed since, and none is lost', async t => {
  const clock = new FakeClock()
  const lines: Array<[unknown, unknown]> = []
  const evictions = new EvictionLog(clock, { warn: (fields: unknown, text?: unknown) => { lines.push([fields, text]) } })
  for (let i = 0; i < 1_000; i++) evictions.add(100)
  t.strictSame(lines, [[{ limit: 100, count: 1 }, TEXT]])
  await clock.advance(59_999)
  t.equal(lines.length, 1)
  await clock.advance(1)
  t.strictSame(lines.slice(1), [[{ limit: 100, count: 999 }, TEXT]])
  await clock.advance(60_000)
  t.equal(clock.pending, 0, 'a minute without one ends the count')
  for (let i = 0; i < 3; i++) evictions.add(100)
  evictions.close()
  t.strictSame(lines.slice(2), [[{ limit: 100, count: 1 }, TEXT], [{ limit: 100, count: 2 }, TEXT]])
})
