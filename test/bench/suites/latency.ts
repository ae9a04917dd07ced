/** The time a proxy adds to a request when it is not pressed. */
import { keepRate } from '../load.ts'
import { beyond } from '../results.ts'
import { PING } from '../stage.ts'
import { warmUp } from '../warm-up.ts'
import type { Suite } from './suite.ts'

/** Connections, and requests a second over all of them. */
const PACES = [[1, 200], [8, 800]] as const
/** Seconds of each pace before anything is measured at it. */
const PACING_SECONDS = 3

/** Latency at a fixed rate, less that of the upstream alone in the same round. */
export const latency: Suite = {
  title: 'Added latency',
  about: 'Small GETs at a fixed rate: 200 a second over one connection, 800 over eight. µs on top of the same round without a proxy, whose own row has the whole times. A request that had to wait for the one before it is timed from when it was due.',
  columns: PACES.flatMap(([connections]) => ['p50', 'p99'].map(quantile => ({ figure: `${quantile}c${connections}`, title: `${quantile}, ${connections} connection${connections > 1 ? 's' : ''}`, digits: 0 }))),
  run: async bench => {
    const all = await bench.startAll(bench.targets)
    const baseline = all.find(({ target }) => target.launch === undefined)
    if (baseline === undefined) throw new Error('there is nothing to compare to without the target direct')
    // First fast, then at the pace at which it is measured: what is compiled meanwhile has to be done with.
    for (const running of all) {
      await warmUp([running], { connections: 8, path: PING })
      for (const [connections, rate] of PACES) await keepRate(running, PING, connections, rate, PACING_SECONDS)
    }
    await bench.interleave(all, ({ target }) => target, async (running, round) => {
      const figures: Record<string, number> = {}
      let isNoisy = false
      for (const [connections, rate] of PACES) {
        const { seen: [seen], ...noise } = await bench.take([running], async () => [await keepRate(running, PING, connections, rate, bench.effort.seconds)])
        figures[`p50c${connections}`] = seen?.p50 ?? NaN
        figures[`p99c${connections}`] = seen?.p99 ?? NaN
        isNoisy ||= noise.isNoisy
      }
      bench.record(running.target, round, figures, isNoisy)
    })
    // Only now is the baseline of every round there, whichever way it went.
    bench.samples.splice(0, Infinity, ...beyond(baseline.target.id, bench.samples))
  },
}
