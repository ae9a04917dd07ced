/** Bodies of 100 MiB: what moving them costs, and what memory it takes. */
import { setTimeout as pause } from 'node:timers/promises'
import { forgetPeak, memoryOf } from '../accounts.ts'
import { transfer } from '../load.ts'
import type { Suite } from './suite.ts'

/** Just below what AMSU takes. */
const MIB = 100
/** Bodies in one sample. */
const BODIES = 4
/** Time for a program to put things away after its first requests. */
const SETTLE_MS = 2_000

const CASES = [['up', 1], ['up', 4], ['down', 1], ['down', 4]] as const

/** CPU for each GiB, both ways. */
export const big: Suite = {
  title: 'Large bodies',
  about: 'Seconds of CPU of the proxy for each GiB, in bodies of 100 MiB that are sent or fetched one at a time and four at a time.',
  columns: CASES.map(([direction, count]) => ({ figure: `${direction}${count}`, title: `${direction === 'up' ? 'sent' : 'fetched'}, ${count} at a time`, digits: 2 })),
  run: async bench => {
    const all = await bench.startAll(bench.targets)
    await bench.interleave(all, ({ target }) => target, async (running, round) => {
      const figures: Record<string, number> = {}
      let isNoisy = false
      for (const [direction, connections] of CASES) {
        const { seen: [seen], cpuSeconds: [cpuSeconds = NaN], ...noise } = await bench.take([running], async () => [await transfer(direction, running, connections, MIB, BODIES / connections)])
        figures[`${direction}${connections}`] = cpuSeconds / ((seen?.bytes ?? 0) / 2 ** 30)
        isNoisy ||= noise.isNoisy
      }
      bench.record(running.target, round, figures, isNoisy)
    })
  },
}

/** Memory of six large uploads at once. */
export const uploads6: Suite = {
  title: 'Six uploads at once',
  about: 'Peak resident memory over that before, while six bodies of 100 MiB are sent at once to a proxy that has just started. MiB.',
  columns: [{ figure: 'over', title: 'peak over idle', digits: 1 }, { figure: 'peak', title: 'peak', digits: 1 }],
  run: async bench => {
    await bench.interleave(bench.targets, target => target, async (target, round) => {
      const running = await bench.start(target)
      if (running === undefined) return
      await pause(SETTLE_MS)
      const { nowMib } = memoryOf(running.group)
      forgetPeak(running.group)
      const { errors } = await transfer('up', running, 6, MIB, 1)
      const { peakMib } = memoryOf(running.group)
      await bench.stage.stop(running)
      if (errors > 0) throw new Error(`${errors} of 6 uploads failed`)
      bench.record(target, round, { over: peakMib - nowMib, peak: peakMib })
    })
  },
}
