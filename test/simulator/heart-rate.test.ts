import { test } from 'tap'
import { findIrregularStretches, mean, measureRates, measureVariability, restingIntervalsMs, rrIntervalsMs, stressIndex } from './heart-rate.ts'

const steady = (rr: number, count: number) => Array.from({ length: count }, () => rr)
const erratic = (count: number) => Array.from({ length: count }, (_, i) => [600, 950, 700, 1100][i % 4]!)

await test('times between beats are whole milliseconds', async t => {
  t.same(rrIntervalsMs([10, 260, 511], 250), [1000, 1004])
  t.same(rrIntervalsMs([0, 100], 360), [278])
  t.same(rrIntervalsMs([7], 250), [])
})

await test('a steady heart has one rate', async t => {
  t.match(measureRates(steady(800, 100)), { mean: 75, lowest: 75, highest: 75, fastEpisodes: 0, slowEpisodes: 0 })
  t.match(measureRates([800]), { mean: 75, lowest: 75, highest: 75 })
})

await test('lowest and highest rate are those of eight beats, and come with their time', async t => {
  const rates = measureRates([...steady(800, 50), ...steady(500, 20), ...steady(800, 25), ...steady(1250, 20), ...steady(800, 25)])
  t.match(rates, { highest: 120, highestAtSeconds: 42, lowest: 48, lowestAtSeconds: 75, fastEpisodes: 1, slowEpisodes: 1 })
})

await test('variability follows its definitions', async t => {
  const measured = measureVariability([800, 860, 800, 860])
  t.match(measured, { sdnnMs: 30, rmssdMs: 60, pnn50Percent: 100, totalPowerMs2: 900 })
  t.ok(Math.abs(measured.sdsdMs - Math.sqrt(3200)) < 1e-9)
  t.match(measureVariability([800, 5000, 800]), { sdnnMs: 0, rmssdMs: 0 }, 'a gap is no variability')
  t.match(measureVariability([]), { sdnnMs: 0, rmssdMs: 0, sdsdMs: 0, pnn50Percent: 0, totalPowerMs2: 0 })
})

await test('irregular stretches are found where they are, neighbours as one', async t => {
  t.same(findIrregularStretches(steady(800, 300)), [])
  t.same(findIrregularStretches(erratic(300)).length, 1)
  const [stretch, ...others] = findIrregularStretches([...steady(800, 150), ...erratic(150), ...steady(800, 150)])
  t.same(others, [])
  t.ok(Math.abs(stretch![0] - 120) <= 30 && Math.abs(stretch![1] - 246) <= 30, `${stretch}`)
  const early = steady(800, 300).map((rr, i) => i % 20 === 0 ? 500 : rr)
  t.same(findIrregularStretches(early), [], 'early beats now and then are no irregular rhythm')
})

await test('exercise is left out of rest', async t => {
  const resting = restingIntervalsMs([...steady(1000, 90), ...steady(500, 240)], 110)
  t.equal(mean(resting), 1000)
})

await test('the steadier a heart, the higher its stress index', async t => {
  t.ok(stressIndex(steady(800, 100)) > stressIndex(erratic(100)))
  t.equal(stressIndex([]), 0)
})
