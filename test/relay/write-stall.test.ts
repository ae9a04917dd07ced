import { test } from 'tap'
import { WriteStallDetector } from '../../src/relay/write-stall.ts'

test('a client is stalled if it has read nothing of its pending response for longer than the limit', async t => {
  for (const [name, samples] of [
    ['takes nothing', [[0, 100, 80, false], [10, 100, 80, false], [20, 100, 80, false], [21, 100, 80, true]]],
    ['takes a byte at a time', [[0, 100, 80, false], [20, 100, 79, false], [40, 100, 78, false], [60, 100, 77, false], [81, 100, 77, true]]],
    ['takes as much as comes', [[0, 100, 80, false], [20, 180, 80, false], [40, 260, 80, false]]],
    ['has nothing to read: a response before this one on its connection has not arrived yet', [[0, 100, 0, false], [20, 100, 0, false], [90, 100, 0, false]]],
  ] as const) {
    const detector = new WriteStallDetector()
    for (const [nowMs, bytesWritten, writableLength, isStalled] of samples) {
      t.equal(detector.isStalled({ bytesWritten, writableLength }, nowMs, 20), isStalled, `${name}, ${nowMs} ms`)
    }
  }
})

test('a silence is not counted together with an earlier one', async t => {
  const detector = new WriteStallDetector()
  t.notOk(detector.isStalled({ bytesWritten: 100, writableLength: 80 }, 0, 20))
  detector.reset()
  t.notOk(detector.isStalled({ bytesWritten: 100, writableLength: 80 }, 30, 20))
  t.ok(detector.isStalled({ bytesWritten: 100, writableLength: 80 }, 51, 20))
})
