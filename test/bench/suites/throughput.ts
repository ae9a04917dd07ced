/** The CPU a small request costs: many at once, as fast as they are taken, on one core. */
import type { Bench } from '../bench.ts'
import { PING, type Running } from '../stage.ts'
import { features } from '../targets.ts'
import type { Target } from '../target.ts'
import { pressTogether, warmUp, type Load } from '../warm-up.ts'
import type { Suite } from './suite.ts'

/** Where a small analysis is asked for, with a kilobyte of JSON. */
const CALORIE = '/amsu-analysis/v2/calorie/running/results/'
const KILOBYTE = 1024
const MANY = 64
const COUNTS = [1, 16, MANY, 256, 1024]

type Loads = Readonly<Record<string, Load>>

const get: Load = { connections: MANY, path: PING }
const post: Load = { connections: MANY, path: CALORIE, bodyBytes: KILOBYTE }

/** A small GET at 64 connections. */
export const get64: Suite = {
  title: 'A small GET',
  about: 'CPU time of the proxy for one GET with a response of 200 bytes, at 64 keep-alive connections. amsu-proxy and one other are loaded at the same time, on the same core.',
  columns: [{ figure: 'cpu', title: 'µs of CPU', digits: 1 }],
  run: async bench => {
    await pressInPairs(bench, { '': get })
  },
}

/** A small POST at 64 connections. */
export const post64: Suite = {
  title: 'A small POST',
  about: 'The same with a POST of one kilobyte of JSON.',
  columns: get64.columns,
  run: async bench => {
    await pressInPairs(bench, { '': post })
  },
}

/** The same GET at more and more connections. */
export const conns: Suite = {
  title: 'More connections',
  about: 'µs of CPU for the same GET at 1 to 1,024 connections; compared at 64.',
  columns: COUNTS.map(count => ({ figure: `cpu${count}`, title: count === 1 ? '1 connection' : String(count), digits: 1 })),
  compares: `cpu${MANY}`,
  run: async bench => {
    await pressInTurns(bench, Object.fromEntries(COUNTS.map(connections => [connections, { ...get, connections }])))
  },
}

/** Ours with its features switched off one by one. */
export const featurePrices: Suite = {
  title: 'The price of each feature',
  about: '*Everything on* is the default settings with `CALLERS` and `ALLOWED_ROUTES`, and the access log in a file. Each row below switches one thing off, the last one all of them, and is pressed at the same time as the first. µs of CPU at 64 connections.',
  columns: [{ figure: 'cpuGet', title: 'small GET', digits: 1 }, { figure: 'cpuPost', title: 'small POST', digits: 1 }],
  targets: features,
  run: async bench => {
    await pressInPairs(bench, { Get: get, Post: post })
  },
}

/** One after the other. Figures are `cpu` and the name of the load. */
async function pressInTurns (bench: Bench, loads: Loads): Promise<void> {
  const all = await bench.startAll(bench.targets)
  for (const running of all) await warmUpWith([running], loads)
  await bench.interleave(all, ({ target }) => target, async (running, round) => { await measureTogether(bench, loads, [running], round) })
}

/**
 * Ours and one other at the same time, on the same core. Both are started anew for each duel and have the same past: a process that
 * has waited for its turn is slower for seconds, and two of the same program differ by a tenth for as long as they live. Figures
 * as in turns, of both under the number of their duel.
 */
async function pressInPairs (bench: Bench, loads: Loads): Promise<void> {
  const ours = bench.targets.find(({ isOurs }) => isOurs === true)
  const others = bench.targets.filter(target => target !== ours)
  // A suite that is asked for by name runs alone.
  const groups = ours === undefined || others.length === 0 ? bench.targets.map(target => [target]) : others.map(other => [ours, other])
  let number = 0
  await bench.interleave(groups, group => group.at(-1) as Target, async group => {
    const all = await bench.startAll(group)
    try {
      if (all.length < group.length) return
      await warmUpWith(all, loads)
      await measureTogether(bench, loads, all, number++)
    } finally {
      // A target that failed must not disturb the next duel either.
      for (const running of all) await bench.stage.stop(running)
    }
  })
}

async function warmUpWith (all: readonly Running[], loads: Loads): Promise<void> {
  for (const load of Object.values(loads)) await warmUp(all, load)
}

async function measureTogether (bench: Bench, loads: Loads, all: readonly Running[], number: number): Promise<void> {
  const figures: Array<Record<string, number>> = all.map(() => ({}))
  let isNoisy = false
  for (const [name, load] of Object.entries(loads)) {
    const { seen, cpuSeconds, ...noise } = await bench.take(all, async () => await pressTogether(all, load, bench.effort.seconds))
    for (const [i, own] of figures.entries()) own[`cpu${name}`] = (cpuSeconds[i] ?? NaN) / (seen[i]?.requests ?? NaN) * 1e6
    isNoisy ||= noise.isNoisy
  }
  for (const [i, { target }] of all.entries()) bench.record(target, number, figures[i] ?? {}, isNoisy)
}
