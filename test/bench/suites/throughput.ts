/** The CPU a small request costs: many at once, as fast as they are taken, on one core. */
import type { Bench } from '../bench.ts'
import { press, type Pressure } from '../load.ts'
import { PING } from '../stage.ts'
import { features } from '../targets.ts'
import type { Suite } from './suite.ts'

/** Where a small analysis is asked for, with a kilobyte of JSON. */
const CALORIE = '/amsu-analysis/v2/calorie/running/results/'
const KILOBYTE = 1024
/** Seconds of load before anything is measured, so that what is compiled while it runs is compiled. */
const WARM_UP_SECONDS = 3
const MANY = 64
const COUNTS = [1, 16, MANY, 256, 1024]

type Load = Omit<Pressure, 'seconds'>

const get: Load = { connections: MANY, path: PING }
const post: Load = { connections: MANY, path: CALORIE, bodyBytes: KILOBYTE }

/** A small GET at 64 connections. */
export const get64: Suite = {
  title: 'A small GET',
  about: 'CPU time of the proxy for one GET whose answer has 200 bytes, at 64 connections that are kept, and how many a second one core takes.',
  columns: [{ figure: 'cpu', title: 'µs of CPU', digits: 1 }, { figure: 'rate', title: 'requests/s', digits: 0 }],
  run: async bench => {
    await pressAll(bench, { '': get }, true)
  },
}

/** A small POST at 64 connections. */
export const post64: Suite = {
  title: 'A small POST',
  about: 'The same with a POST of one kilobyte of JSON.',
  columns: get64.columns,
  run: async bench => {
    await pressAll(bench, { '': post }, true)
  },
}

/** The same GET at more and more connections. */
export const conns: Suite = {
  title: 'More connections',
  about: 'µs of CPU for the same GET at 1 to 1,024 connections; compared at 64.',
  columns: COUNTS.map(count => ({ figure: `cpu${count}`, title: count === 1 ? '1 connection' : String(count), digits: 1 })),
  compares: `cpu${MANY}`,
  run: async bench => {
    await pressAll(bench, Object.fromEntries(COUNTS.map(connections => [connections, { ...get, connections }])))
  },
}

/** Ours with its features switched off one by one. */
export const featurePrices: Suite = {
  title: 'The price of each feature',
  about: '*Everything on* is the default settings with `CALLERS` and `ALLOWED_ROUTES`, and the access log in a file. Each row below switches one thing off, the last one all of them. µs of CPU at 64 connections.',
  columns: [{ figure: 'cpuGet', title: 'small GET', digits: 1 }, { figure: 'cpuPost', title: 'small POST', digits: 1 }],
  targets: features,
  run: async bench => {
    await pressAll(bench, { Get: get, Post: post })
  },
}

/** Presses all targets with each load in turn; figures are `cpu` and the name of the load, and `rate` if asked for. */
async function pressAll (bench: Bench, loads: Readonly<Record<string, Load>>, withRate = false): Promise<void> {
  const { seconds } = bench.effort
  const all = await bench.startAll(bench.targets)
  for (const running of all) {
    for (const load of Object.values(loads)) await press(running, { ...load, seconds: Math.min(seconds, WARM_UP_SECONDS) })
  }
  await bench.interleave(all, ({ target }) => target, async (running, round) => {
    const figures: Record<string, number> = {}
    let isNoisy = false
    for (const [name, load] of Object.entries(loads)) {
      const { seen, cpuSeconds, ...noise } = await bench.take([running], async () => await press(running, { ...load, seconds }))
      figures[`cpu${name}`] = cpuSeconds / seen.requests * 1e6
      if (withRate) figures['rate'] = seen.requests / seen.seconds
      isNoisy ||= noise.isNoisy
    }
    bench.record(running.target, round, figures, isNoisy)
  })
}
