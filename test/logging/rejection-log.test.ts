import { test } from 'tap'
import { RejectionLog } from '../../src/logging/rejection-log.ts'
import { FakeClock } from '../support/fake-clock.ts'

/** A rejection log with a test clock, and the lines that it has written so far. */
function setUp () {
  const clock = new FakeClock()
  const lines: Array<[unknown, unknown]> = []
  return { clock, lines, rejections: new RejectionLog(clock, { warn: (fields: unknown, text?: unknown) => { lines.push([fields, text]) } }) }
}

test('the first rejected request is logged at once, the others as one count after 10 s', async t => {
  const { clock, lines, rejections } = setUp()
  for (let i = 0; i < 1_000; i++) rejections.add('OVERLOADED')
  t.strictSame(lines, [[{ errorCode: 'PROXY.OVERLOADED', count: 1 }, 'requests are rejected']])
  await clock.advance(9_999)
  t.equal(lines.length, 1)
  await clock.advance(1)
  t.strictSame(lines.slice(1), [[{ errorCode: 'PROXY.OVERLOADED', count: 999 }, 'requests are rejected']])
})

test('an overload that lasts is a line every 10 s, with a count of its own, and none is lost', async t => {
  const { clock, lines, rejections } = setUp()
  for (let i = 0; i < 600; i++) {
    rejections.add('OVERLOADED')
    await clock.advance(100)
  }
  t.equal(lines.length, 7)
  t.equal(lines.reduce((sum, [fields]) => sum + (fields as { count: number }).count, 0), 600)
})

test('after 10 s without a rejection there is no line and no timer, and the next one is logged at once again', async t => {
  const { clock, lines, rejections } = setUp()
  rejections.add('OVERLOADED')
  await clock.advance(10_000)
  t.equal(lines.length, 1)
  t.equal(clock.pending, 0)
  rejections.add('OVERLOADED')
  t.equal(lines.length, 2)
})

test('each reason has a count of its own', async t => {
  const { clock, lines, rejections } = setUp()
  for (const code of ['OVERLOADED', 'DRAINING', 'DRAINING'] as const) rejections.add(code)
  await clock.advance(10_000)
  t.strictSame(lines.map(([fields]) => fields), [{ errorCode: 'PROXY.OVERLOADED', count: 1 }, { errorCode: 'PROXY.DRAINING', count: 1 }, { errorCode: 'PROXY.DRAINING', count: 1 }])
})

test('the counts at the end of the proxy are logged then, once, and no timer remains', async t => {
  const { clock, lines, rejections } = setUp()
  for (let i = 0; i < 5; i++) rejections.add('DRAINING')
  rejections.add('OVERLOADED')
  rejections.close()
  rejections.close()
  t.strictSame(lines.map(([fields]) => fields), [{ errorCode: 'PROXY.DRAINING', count: 1 }, { errorCode: 'PROXY.OVERLOADED', count: 1 }, { errorCode: 'PROXY.DRAINING', count: 4 }])
  t.equal(clock.pending, 0)
})
