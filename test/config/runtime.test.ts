import { test } from 'tap'
import { runtimeWarnings } from '../../src/config/runtime.ts'

test('a Node.js out of support is warned of, from the day after its last', async t => {
  for (const [version, day, isWarned] of [
    ['v18.20.8', '2026-01-01', true],
    ['v20.19.0', '2026-04-30', false],
    ['v20.19.0', '2026-05-01', true],
    ['v21.7.3', '2026-01-01', true],
    ['v22.19.0', '2027-04-30', false],
    ['v22.19.0', '2027-05-01', true],
    ['v23.0.0', '2026-01-01', true],
    ['v24.0.0', '2028-04-30', false],
    ['v24.0.0', '2028-05-01', true],
    ['v25.1.0', '2026-01-01', true],
    ['v26.0.0', '2029-04-30', false],
    ['v26.0.0', '2029-05-01', true],
    ['v27.0.0', '2035-01-01', false],
    ['24.0.0', '2026-01-01', false],
    ['9.0.0', '2026-01-01', true],
    ['not a version', '2026-01-01', false],
  ] as const) {
    t.equal(runtimeWarnings(version, Date.parse(day)).length, isWarned ? 1 : 0, `${version} on ${day}`)
  }
})

test('the warning names the version and what to use instead', async t => {
  t.strictSame(runtimeWarnings('v20.19.0', Date.parse('2026-06-01')), ['Node.js 20 is out of support and gets no security fixes; use 24 or 26'])
})
