import { test } from 'tap'
import { UnreadWatch } from '../../src/relay/unread.ts'

test('a caller is stuck once it has taken nothing of what waits for it for longer than the limit', async t => {
  for (const [name, samples] of [
    ['takes nothing', [[0, 100, 80, false], [10, 100, 80, false], [20, 100, 80, false], [21, 100, 80, true]]],
    ['takes a byte at a time', [[0, 100, 80, false], [20, 100, 79, false], [40, 100, 78, false], [60, 100, 77, false], [81, 100, 77, true]]],
    ['takes as much as comes', [[0, 100, 80, false], [20, 180, 80, false], [40, 260, 80, false]]],
    ['has nothing to take: an answer before this one on its connection is not there yet', [[0, 100, 0, false], [20, 100, 0, false], [90, 100, 0, false]]],
  ] as const) {
    const watch = new UnreadWatch()
    for (const [nowMs, bytesWritten, writableLength, isStuck] of samples) {
      t.equal(watch.isStuck({ bytesWritten, writableLength }, nowMs, 20), isStuck, `${name}, ${nowMs} ms`)
    }
  }
})

test('a silence is not counted together with an earlier one', async t => {
  const watch = new UnreadWatch()
  t.notOk(watch.isStuck({ bytesWritten: 100, writableLength: 80 }, 0, 20))
  watch.forget()
  t.notOk(watch.isStuck({ bytesWritten: 100, writableLength: 80 }, 30, 20))
  t.ok(watch.isStuck({ bytesWritten: 100, writableLength: 80 }, 51, 20))
})
