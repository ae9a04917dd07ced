import { test } from 'tap'
import { parseAvailableTimes } from '../../src/amsu/available-times.ts'

test('the times left are read family by family, -1 for no limit and 0 for none', async t => {
  t.strictSame(parseAvailableTimes({ arrhythmia_analysis: 812, hrv_analysis: -1, health_analysis: 77, calorie_analysis: 0 }), [
    { family: 'arrhythmia_analysis', remaining: 812 },
    { family: 'hrv_analysis', remaining: -1 },
    { family: 'health_analysis', remaining: 77 },
    { family: 'calorie_analysis', remaining: 0 },
  ])
})

test('a family AMSU may add is read too', async t => {
  t.strictSame(parseAvailableTimes({ sleep_analysis: 5 }), [{ family: 'sleep_analysis', remaining: 5 }])
})

test('what is no family or no count is left out, and harms nothing else', async t => {
  const odd = { hrv_analysis: '12', health_analysis: 1.5, calorie_analysis: -2, a_analysis: NaN, b_analysis: null, 'c"}\n_analysis': 1, _analysis: 1, expires: 3, __proto__: { d_analysis: 1 } }
  t.strictSame(parseAvailableTimes({ ...odd, arrhythmia_analysis: 3 }), [{ family: 'arrhythmia_analysis', remaining: 3 }])
  t.strictSame(parseAvailableTimes({ [`${'x'.repeat(41)}_analysis`]: 1 }), [])
})

test('what is not this response has no times at all', async t => {
  const many = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`f${i}_analysis`, i]))
  for (const body of [undefined, null, '', 'html', 7, true, [], [{ hrv_analysis: 1 }], {}, { error: { code: 'COMMON.INVALID_CREDENTIALS' } }, many]) {
    t.strictSame(parseAvailableTimes(body), [])
  }
})
