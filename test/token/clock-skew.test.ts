import { test } from 'tap'
import { createSkewWarning, skewSeconds } from '../../src/token/clock-skew.ts'

const NOON = Date.parse('2026-11-22T12:00:00Z')

function head (offsetSeconds: number): { headers: { date: string } } {
  return { headers: { date: new Date(NOON - offsetSeconds * 1000).toUTCString() } }
}

test('the skew is how far this clock is ahead of the one that wrote the answer', async t => {
  t.equal(skewSeconds(head(7200), NOON), 7200)
  t.equal(skewSeconds(head(-45), NOON), -45)
  t.equal(skewSeconds({ headers: {} }, NOON), undefined)
  t.equal(skewSeconds({ headers: { date: 'tomorrow' } }, NOON), undefined)
})

test('a clock that is off is warned about once, and again when it has been right in between', async t => {
  const lines: unknown[][] = []
  const warn = createSkewWarning({ wall: () => NOON }, { warn: (...line: unknown[]) => { lines.push(line) } })
  for (const offset of [0, 30, 31, 7200, 0, -31]) warn(head(offset))
  warn({ headers: {} })
  t.strictSame(lines.map(([fields]) => fields), [{ clockSkewSeconds: 31 }, { clockSkewSeconds: -31 }])
  t.match(lines, [[{}, /ahead of the clock of AMSU/], [{}, /behind the clock of AMSU/]])
})
