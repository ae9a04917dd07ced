import { test } from 'tap'
import { RejectionLog } from '../../src/logging/rejection-log.ts'
import { FakeClock } from '../support/fake-clock.ts'

/** A refusal log over a clock that the test holds, and the lines it has written so far. */
function setUp () {
  const clock = new FakeClock()
  const lines: Array<[unknown, unknown]> = []
  return { clock, lines, refusals: new RejectionLog(clock, { warn: (fields: unknown, text?: unknown) => { lines.push([fields, text]) } }) }
}

test('the first request that is turned away is told at once, the others as one count after 10 s', async t => {
  const { clock, lines, refusals } = setUp()
  for (let i = 0; i < 1_000; i++) refusals.add('OVERLOADED')
  t.strictSame(lines, [[{ errorCode: 'PROXY.OVERLOADED', count: 1 }, 'requests are rejected']])
  await clock.advance(9_999)
  t.equal(lines.length, 1)
  await clock.advance(1)
  t.strictSame(lines.slice(1), [[{ errorCode: 'PROXY.OVERLOADED', count: 999 }, 'requests are rejected']])
})

test('an overload that lasts is a line every 10 s, with a count of its own, and none is lost', async t => {
  const { clock, lines, refusals } = setUp()
  for (let i = 0; i < 600; i++) {
    refusals.add('OVERLOADED')
    await clock.advance(100)
  }
  t.equal(lines.length, 7)
  t.equal(lines.reduce((sum, [fields]) => sum + (fields as { count: number }).count, 0), 600)
})

test('when nobody was turned away for 10 s there is no line and no timer, and the next one is told at once again', async t => {
  const { clock, lines, refusals } = setUp()
  refusals.add('OVERLOADED')
  await clock.advance(10_000)
  t.equal(lines.length, 1)
  t.equal(clock.pending, 0)
  refusals.add('OVERLOADED')
  t.equal(lines.length, 2)
})

test('each reason has a count of its own', async t => {
  const { clock, lines, refusals } = setUp()
  for (const code of ['OVERLOADED', 'DRAINING', 'DRAINING'] as const) refusals.add(code)
  await clock.advance(10_000)
  t.strictSame(lines.map(([fields]) => fields), [{ errorCode: 'PROXY.OVERLOADED', count: 1 }, { errorCode: 'PROXY.DRAINING', count: 1 }, { errorCode: 'PROXY.DRAINING', count: 1 }])
})

test('what was counted when the proxy ends is told then, once, and no timer is left', async t => {
  const { clock, lines, refusals } = setUp()
  for (let i = 0; i < 5; i++) refusals.add('DRAINING')
  refusals.add('OVERLOADED')
  refusals.close()
  refusals.close()
  t.strictSame(lines.map(([fields]) => fields), [{ errorCode: 'PROXY.DRAINING', count: 1 }, { errorCode: 'PROXY.OVERLOADED', count: 1 }, { errorCode: 'PROXY.DRAINING', count: 4 }])
  t.equal(clock.pending, 0)
})
