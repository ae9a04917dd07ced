/** The time a proxy adds to a request when it is not pressed. */
import { keepAwake, keepRate, press, type Seen } from '../load.ts'
import { LOAD_CORE, PROXY_CORE } from '../machine.ts'
import { PING } from '../stage.ts'
import type { Suite } from './suite.ts'

/** Connections, and requests a second over all of them. */
const PACES = [[1, 200], [8, 800]] as const

/** Latency at a fixed rate, less that of the upstream alone in the same round. */
export const latency: Suite = {
  title: 'Added latency',
  about: 'Small GETs at a fixed rate: 200 a second over one connection, 800 over eight. µs on top of the same round without a proxy, whose own row has the whole times. A request that had to wait for the one before it is timed from when it was due.',
  columns: PACES.flatMap(([connections]) => ['p50', 'p99'].map(quantile => ({ figure: `${quantile}c${connections}`, title: `${quantile}, ${connections} connection${connections > 1 ? 's' : ''}`, digits: 0 }))),
  run: async bench => {
    const all = await bench.startAll(bench.targets)
    const baseline = all.find(({ target }) => target.launch === undefined)
    if (baseline === undefined) throw new Error('there is nothing to compare to without the target direct')
    for (const running of all) await press(running, { connections: 8, seconds: Math.min(bench.effort.seconds, 3), path: PING })
    // Foreign work by its nature, so that only the host's thefts are noise.
    const sleep = keepAwake([PROXY_CORE, LOAD_CORE])
    const direct = new Map<number, Record<string, number>>()
    await bench.interleave(all, ({ target }) => target, async (running, round) => {
      const figures: Record<string, number> = {}
      let isNoisy = false
      for (const [connections, rate] of PACES) {
        const taken = await bench.take([running], async (): Promise<Seen> => await keepRate(running, PING, connections, rate, bench.effort.seconds), { isCoreShared: true })
        figures[`p50c${connections}`] = taken.seen.p50
        figures[`p99c${connections}`] = taken.seen.p99
        isNoisy ||= taken.isNoisy
      }
      if (running === baseline) direct.set(round, figures)
      bench.record(running.target, round, figures, isNoisy)
    })
    sleep()
    // Only now is the baseline of every round there, whichever way it went.
    for (const [i, sample] of bench.samples.entries()) {
      const base = direct.get(sample.round)
      if (sample.target === baseline.target.id || base === undefined) continue
      bench.samples[i] = { ...sample, figures: Object.fromEntries(Object.entries(sample.figures).map(([name, value]) => [name, value - (base[name] ?? NaN)])) }
    }
  },
}
