import { test } from 'tap'
import { Histogram } from '../../src/telemetry/histogram.ts'

test('a value is in the first bucket whose bound it does not exceed, and in all above', async t => {
  for (const [value, expected] of [
    [0, [1, 1, 1]], [0.5, [1, 1, 1]], [1, [1, 1, 1]], [1.001, [0, 1, 1]], [10, [0, 1, 1]], [10.5, [0, 0, 1]], [1e9, [0, 0, 1]],
  ] as const) {
    const buckets = new Histogram([1, 10])
    buckets.add(value)
    t.strictSame(buckets.cumulative, expected, String(value))
    t.equal(buckets.sum, value)
  }
})

test('the last bucket counts every value, and the sum adds them up', async t => {
  const buckets = new Histogram([1, 10])
  t.strictSame([buckets.cumulative, buckets.sum], [[0, 0, 0], 0])
  for (const value of [0.5, 0.5, 5, 50, 50, 50]) buckets.add(value)
  t.strictSame([buckets.cumulative, buckets.sum], [[2, 3, 6], 156])
  t.strictSame(buckets.cumulative, [2, 3, 6], 'reading changes nothing')
})
