import { test } from 'tap'
import { ClockSkew, isOff, skewSeconds } from '../../src/amsu/clock-skew.ts'
import { FakeClock } from '../support/fake-clock.ts'

const NOON = Date.parse('2026-11-22T12:00:00Z')

function head (offsetSeconds: number): { headers: { date: string } } {
  return { headers: { date: new Date(NOON - offsetSeconds * 1000).toUTCString() } }
}

test('the skew is how far this clock is ahead of the one that wrote the response', async t => {
  t.equal(skewSeconds(head(7200), NOON), 7200)
  t.equal(skewSeconds(head(-45), NOON), -45)
  t.equal(skewSeconds({ headers: {} }, NOON), undefined)
  t.equal(skewSeconds({ headers: { date: 'tomorrow' } }, NOON), undefined)
})

test('a clock that is off is warned about once, and again when it has been right in between', async t => {
  const lines: unknown[][] = []
  const { onResponseHead } = new ClockSkew({ wall: () => NOON, monotonic: () => 0 }, { warn: (...line: unknown[]) => { lines.push(line) } })
  for (const offset of [0, 30, 31, 7200, 0, -31]) onResponseHead(head(offset))
  onResponseHead({ headers: {} })
  t.strictSame(lines.map(([fields]) => fields), [{ clockSkewSeconds: 31 }, { clockSkewSeconds: -31 }])
  t.match(lines, [[{}, /ahead of the clock of AMSU/], [{}, /behind the clock of AMSU/]])
})

test('the skew of the last response is kept until the clock is set or the machine sleeps', async t => {
  const clock = new FakeClock()
  const skew = new ClockSkew(clock, { warn () {} })
  const dated = (aheadSeconds: number): void => { skew.onResponseHead({ headers: { date: new Date(clock.wall() - aheadSeconds * 1000).toUTCString() } }) }
  t.equal(skew.seconds, undefined, 'nothing is known yet')
  dated(7200)
  skew.onResponseHead({ headers: {} })
  await clock.advance(86_400_000)
  t.equal(skew.seconds, 7200)
  clock.jump(-7_200_000)
  t.equal(skew.seconds, undefined, 'the clock was set: unknown before the next response')
  dated(0)
  t.equal(skew.seconds, 0)
  clock.sleep(3_600_000)
  t.equal(skew.seconds, undefined, 'sleep looks like a clock that was set')
})

test('a clock is off by more than 30 seconds, either way; one of which nothing is known is not', async t => {
  for (const [seconds, expected] of [[undefined, false], [0, false], [30, false], [31, true], [-30, false], [-31, true]] as const) t.equal(isOff(seconds), expected, String(seconds))
})
