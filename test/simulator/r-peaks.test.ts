import { test } from 'tap'
import { halfAnHour } from './client.ts'
import { findRPeaks, findRPeaksInTurns } from './r-peaks.ts'
import { placeBeats, synthesizeEcg } from './synthetic-ecg.ts'

function toSamples (ecg: Buffer): Int16Array {
  return Int16Array.from({ length: ecg.length >> 1 }, (_, i) => ecg.readInt16LE(2 * i))
}

await test('the beats of half an hour are found', async t => {
  const { ecg, heartRate, beats } = halfAnHour()
  const samples = toSamples(ecg)
  const peaks = findRPeaks(samples, 250)
  const meanRate = 60 * 250 * (peaks.length - 1) / (peaks.at(-1)! - peaks[0]!)
  t.ok(Math.abs(meanRate - heartRate) < 2, `${meanRate} a minute`)
  t.ok(Math.abs(peaks.length - beats) < 0.02 * beats, `${peaks.length} beats`)
  t.same(await findRPeaksInTurns(samples, 250), peaks, 'in turns as in one go')
})

for (const meanHeartRate of [40, 72, 120, 180]) {
  await test(`99 % of the beats of a drawn ECG at ${meanHeartRate} a minute are found, within 12 ms, and no others`, async t => {
    const options = { minutes: 10, meanHeartRate }
    const placed = placeBeats(options)
    const peaks = findRPeaks(toSamples(synthesizeEcg(options)), 250)
    const found = placed.filter(beat => peaks.some(peak => Math.abs(peak - beat) <= 3))
    t.ok(found.length >= 0.99 * placed.length, `${found.length} of ${placed.length}`)
    t.ok(peaks.length <= placed.length, `${peaks.length} found`)
  })
}

await test('the sample rate of the recording may be another', async t => {
  const options = { minutes: 2, sampleRateHz: 150 }
  t.equal(findRPeaks(toSamples(synthesizeEcg(options)), 150).length, placeBeats(options).length)
})

await test('a recording cut into blocks has its beats at the seams too', async t => {
  const options = { minutes: 30 }
  const samples = toSamples(synthesizeEcg(options))
  const peaks = findRPeaks(samples, 250)
  t.equal(peaks.length, placeBeats(options).length)
  t.same(findRPeaks(samples.slice(1000), 250), peaks.filter(peak => peak > 1000 + 125).map(peak => peak - 1000), 'wherever the seams are')
})

await test('what is no ECG has no beats', async t => {
  let state = 1
  const random = () => (state = Math.imul(state, 48271) % 2147483647) / 2147483647
  t.same(findRPeaks(new Int16Array(0), 250), [], 'nothing')
  t.same(findRPeaks(new Int16Array(3), 250), [], 'three samples')
  t.same(findRPeaks(new Int16Array(15_000).fill(300), 250), [], 'a flat line')
  t.same(findRPeaks(Int16Array.from({ length: 15_000 }, () => 500 * random()), 250), [], 'noise')
  t.same(findRPeaks(Int16Array.from({ length: 15_000 }, (_, i) => 500 * Math.sin(i)), 250), [], 'hum')
})

await test('the same seed draws the same ECG, another one another', async t => {
  t.ok(synthesizeEcg({ minutes: 1 }).equals(synthesizeEcg({ minutes: 1 })))
  t.notOk(synthesizeEcg({ minutes: 1 }).equals(synthesizeEcg({ minutes: 1, seed: 2 })))
  t.equal(synthesizeEcg().length, 30 * 60 * 250 * 2)
})
