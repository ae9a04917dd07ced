/** One proxy against two of the same, which share nothing. */
import { press, type Seen } from '../load.ts'
import { LOAD_CORE, PROXY_CORE } from '../machine.ts'
import { PING, type Running } from '../stage.ts'
import { sum } from '../results.ts'
import { ours } from '../targets.ts'
import type { Suite } from './suite.ts'

const BOTH = `${PROXY_CORE},${LOAD_CORE}`
const CONNECTIONS = 64
const COUNTS = { one: 1, two: 2 } as const

/** Two replicas, with the load divided between them. */
export const replicas: Suite = {
  title: 'Two replicas',
  about: 'One proxy at 64 connections against two with 32 each. Here the proxies and the load may use both cores, so that the rate is that of the whole machine, load and upstream included; a machine with more cores tells more.',
  columns: [{ figure: 'cpu', title: 'µs of CPU', digits: 1 }, { figure: 'rate', title: 'requests/s', digits: 0 }],
  targets: () => [{ ...ours('one', 'one replica'), isOurs: true }, ours('two', 'two replicas')],
  run: async bench => {
    const groups: Running[][] = []
    for (const target of bench.targets) {
      const group: Running[] = []
      for (let i = 0; i < COUNTS[target.id as keyof typeof COUNTS]; i++) {
        const running = await bench.start(target, { cores: BOTH })
        if (running !== undefined) group.push(running)
      }
      groups.push(group)
    }
    const load = async (group: readonly Running[]): Promise<Seen[]> => await Promise.all(group.map(async running => await press(running, { connections: CONNECTIONS / group.length, seconds: bench.effort.seconds, path: PING, cores: BOTH })))
    for (const group of groups) await load(group)
    await bench.interleave(groups, group => group[0]?.target ?? bench.targets[0]!, async (group, round) => {
      const { seen, cpuSeconds, isNoisy } = await bench.take(group, async () => await load(group), { isCoreShared: true })
      const requests = sum(seen.map(one => one.requests))
      bench.record(group[0]!.target, round, { cpu: sum(cpuSeconds) / requests * 1e6, rate: requests / Math.max(...seen.map(one => one.seconds)) }, isNoisy)
    })
  },
}
